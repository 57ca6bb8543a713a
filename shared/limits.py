# SPDX-License-Identifier: GPL-3.0-or-later
"""Every limit, in one place, each with its reason."""

# Version of the protocol between add-on and sidecar: (major, minor). Majors must agree.
PROTOCOL_VERSION = (3, 0)

# A header carries names and shapes, never data: 64 KiB is 100 times what the largest needs.
MAX_HEADER_BYTES = 64 * 1024
# One raw frame. 4096 x 4096 float32 RGBA is 256 MiB, the largest picture that we hand over.
MAX_BUFFER_BYTES = 256 * 1024 * 1024
MAX_BUFFERS = 64
# Bytes of an artefact in one message: large enough for loopback's full speed, small enough that
# neither side ever holds much more than one file's piece.
CHUNK_BYTES = 4 * 1024 * 1024
# One raw frame of a request. The largest is a camera for each frame of the longest take, 31 MB.
MAX_REQUEST_BUFFER_BYTES = 32 * 1024 * 1024
# Pieces of pictures on the way to a client that has not asked for more: 256 MiB.
MAX_CREDIT = 64
# Views of one client that each want their own newest preview: a viewport each.
MAX_VIEWS = 16
# Longest edge of a preview: RGBA of 1024 squared is one piece, CHUNK_BYTES.
MAX_PREVIEW_EDGE = 1024
# Shared memory of one client: four slots, so that one may be read while the next is written.
MAX_PIXEL_SLOTS = 4
MAX_PIXEL_SLOT_BYTES = MAX_PREVIEW_EDGE * MAX_PREVIEW_EDGE * 4
# Jobs that a sidecar keeps waiting, over all clients.
MAX_WAITING_JOBS = 32

# Half an hour at 120 fps is 216,000 frames: past this a file is damaged or hostile.
MAX_FRAMES = 240_000
# Text formats spend about 4 KB a frame; the longest motion is then 1 GB.
MAX_MOTION_BYTES = 1024 * 1024 * 1024
# metrical-tracker's frames are 10 to 30 KB, GAGAvatar's takes 2 KB a frame: 32,000 of those.
MAX_TORCH_BYTES = 64 * 1024 * 1024
# A key is about 100 bytes: as many keys as a take may have frames.
MAX_TRACK_BYTES = 32 * 1024 * 1024
# Two matrices of 52 x 103 are 86 KB; the rest is room for other tools' extra arrays.
MAX_ADAPTER_BYTES = 16 * 1024 * 1024
# LAM bundles are 4 MB, a 1M-Gaussian PLY 236 MB.
MAX_AVATAR_BYTES = 1024 * 1024 * 1024
# Largest artefact of each kind that a client may hand over. Adapters and emotion keys are small.
ARTEFACT_BYTES = {
    "motion": MAX_MOTION_BYTES,
    "avatar": MAX_AVATAR_BYTES,
    "adapter": 64 * 1024 * 1024,
    "emotions": 64 * 1024 * 1024,
}
# The cache on disk: twenty bakes of two minutes with their vertices, 0.5 GB each, and as much for
# uploads and pictures.
CACHE_BYTES = 20_000_000_000
# Artefacts of one user that have arrived in part; a client sends one after the other.
MAX_ARRIVALS = 64
MAX_GAUSSIANS = 2_000_000
# Largest edge of a picture: float RGBA of 8192 squared is 1 GiB.
MAX_IMAGE_EDGE = 8192
# 8K UHD, 7680 x 4320. Twice what a screen or a film shows, and a third of a 100-megapixel request.
MAX_IMAGE_PIXELS = 7680 * 4320
# One picture while it is made, its channels and what becomes of them, as far as they can be
# counted beforehand: every pass at 4096 x 4096 counts 3.5 GB (the process peaks at 4.9), colour
# and depth at 8K 1.3 GB.
MAX_FRAME_BYTES = 4 * 1024 * 1024 * 1024

# Emotion weights: 1 is the emotion as trained; by hand an animator may push to 1.5.
MAX_EMOTION_WEIGHT = 1.5
# Region and branch strengths: 0 is off, 1 as trained, 2 is already a caricature.
MAX_STRENGTH = 2.0

# A user's FLAME file: 50 MB as published, 110 MB with every array in double precision.
MAX_FLAME_BYTES = 256 * 1024 * 1024
# The child that reads it holds the file, its records and the arrays: three times its size.
FLAME_CHILD_BYTES = 2 * 1024 * 1024 * 1024
# Reading one takes about a second; a slow disk and a busy machine take a few.
FLAME_CHILD_SECONDS = 60
