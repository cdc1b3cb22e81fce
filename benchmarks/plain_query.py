"""The query that people write: torch, timm, and one scan of a NumPy file.

python benchmarks/plain_query.py PICTURE VECTORS.npy
"""

import sys

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from plain_index import network

net = network()
prepare = transforms.Compose(
    [
        transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(),
        transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
    ]
)
with torch.inference_mode():
    query = torch.nn.functional.normalize(net(prepare(Image.open(sys.argv[1]).convert("RGB"))[None]))[0].numpy()
scores = np.load(sys.argv[2], mmap_mode="r") @ query
for row in np.argsort(-scores)[:12]:
    print(row, scores[row])
