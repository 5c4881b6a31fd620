# VL-BERT Studio as a public page: docker build -t vl-bert-studio . && docker run -p 7860:7860 vl-bert-studio
FROM python:3.11-slim

RUN useradd --create-home studio
WORKDIR /home/studio/app
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt
COPY app.py LICENSE ./
COPY engine engine
COPY studio studio
COPY assets assets
USER studio
EXPOSE 7860
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860", "--public"]
