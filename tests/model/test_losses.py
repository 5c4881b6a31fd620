import pytest
import torch

from engine.model.losses import _CrossEntropy, cross_entropy, mean_or_zero, soft_cross_entropy


def test_soft_cross_entropy_of_a_certain_target_is_cross_entropy():
    logits, truth = torch.randn(6, 5), torch.randint(5, (6,))
    certain = torch.nn.functional.one_hot(truth, 5).float()
    torch.testing.assert_close(mean_or_zero(soft_cross_entropy(logits, certain)), cross_entropy(logits, truth))


def test_nothing_asked_is_no_loss_and_still_has_a_gradient():
    logits = torch.zeros(0, 5, requires_grad=True)
    for loss in (cross_entropy(logits, torch.zeros(0, dtype=torch.long)),
                 mean_or_zero(soft_cross_entropy(logits, torch.zeros(0, 5)))):
        assert loss.item() == 0
        loss.backward()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_cross_entropy_and_its_gradient_are_those_of_torch(kind) -> None:
    """More rows than are widened at a time, weights that differ from row to row."""
    torch.manual_seed(0)
    logits = (3 * torch.randn(150, 40)).to(kind)
    truth, weight = torch.randint(40, (150,)), torch.rand(150)
    ours, torchs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = _CrossEntropy.apply(ours, truth)
    expected = torch.nn.functional.cross_entropy(torchs.float(), truth, reduction="none")
    torch.testing.assert_close(found, expected)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(ours.grad, torchs.grad)
    assert torch.equal(ours, logits)  # others may still need them
