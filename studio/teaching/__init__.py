"""Fine-tuning runs of the page: `orders` says what is wanted, `runs` reads what is kept, `jobs` starts and stops."""
