"""The number format of the backbone in training."""

from typing import Literal

import torch


def autocast_type(precision: Literal["auto", "bf16", "fp32"]) -> torch.dtype | None:
    """bfloat16 or, as None, float32; "auto" takes bfloat16 where the hardware computes in it."""
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16() else None
    return torch.bfloat16 if precision == "bf16" else None


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False  # oneDNN, if it is there, only emulates it, slower than float32
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
