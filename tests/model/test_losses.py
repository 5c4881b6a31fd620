import torch

from engine.model.losses import cross_entropy, mean_or_zero, soft_cross_entropy


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
