# SPDX-License-Identifier: GPL-3.0-or-later
"""Every limit, in one place, each with its reason."""

# Version of the protocol between add-on and sidecar: (major, minor). Majors must agree.
PROTOCOL_VERSION = (3, 12)

# A header carries names and shapes, never data: 64 KiB is 100 times what the largest needs.
MAX_HEADER_BYTES = 64 * 1024
# One raw frame. 4096 x 4096 float32 RGBA is 256 MiB, the largest picture that we hand over.
MAX_BUFFER_BYTES = 256 * 1024 * 1024
MAX_BUFFERS = 64
# All raw frames of one message. The largest are a motion of the longest take, 115 MB, and a head
# of FLAME's layout with ten times its vertices, 260 MB.
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
# Values in a header, lists within lists included. A head's names and shapes are 250; 64 KiB could
# hold 65,000, which take a millisecond and 5 MB to unpack.
MAX_HEADER_VALUES = 512
# Bytes of an artefact in one message: large enough for loopback's full speed, small enough that
# neither side ever holds much more than one file's piece.
CHUNK_BYTES = 4 * 1024 * 1024
# One raw frame of a request. The largest is a camera for each frame of the longest take, 31 MB.
MAX_REQUEST_BUFFER_BYTES = 32 * 1024 * 1024
# Pieces of pictures on the way to a client that has not asked for more: 256 MiB.
MAX_CREDIT = 64
# Pieces of one rendering that may be on their way while the client writes one: 32 MiB.
PIECES_AHEAD = 8
# Views of one client that each want their own newest preview: a viewport each.
MAX_VIEWS = 16
# Previews of one view in a second: no screen shows more, and a slider may say a thousand.
MAX_PREVIEWS_PER_S = 60
# Frames whose numbers one preview brings: they take some 30 ms, and a slider that is moved then
# waits no longer.
MAX_PREVIEW_FRAMES = 64
# Longest edge of a preview: RGBA of 1024 squared is one piece, CHUNK_BYTES.
MAX_PREVIEW_EDGE = 1024
# Shared memory of one client: four slots, so that one may be read while the next is written.
MAX_PIXEL_SLOTS = 4
MAX_PIXEL_SLOT_BYTES = MAX_PREVIEW_EDGE * MAX_PREVIEW_EDGE * 4
# Jobs that a sidecar keeps waiting, over all clients.
MAX_WAITING_JOBS = 32
# The same for one client alone, so that the others find room.
MAX_CLIENT_JOBS = 16
# Bytes of those jobs' requests: a camera for each frame of the longest take is 70 MB.
MAX_WAITING_BYTES = 512 * 1024 * 1024
MAX_CLIENT_WAITING_BYTES = 256 * 1024 * 1024
# One request with all its frames: that camera, and the head's place and emotions a frame.
MAX_REQUEST_BYTES = 128 * 1024 * 1024
# Short requests of one client that wait, for the worker as for the disk; each may hold a piece of
# an upload, 4 MB.
MAX_WAITING_REQUESTS = 16
# How long a job goes on without its client: a crashed Blender is back within this, and finished
# chunks are kept in any case.
ORPHAN_S = 30.0
# A client says something every half second. One that is stopped for 5 s has not left; one that
# was killed keeps no more than its jobs' places.
CLIENT_SILENCE_S = 30.0
# Clients that a sidecar remembers, those that were killed within the last 30 s too: beyond that
# the one that was silent longest is forgotten.
MAX_CLIENTS = 256
# Messages and bytes to a client that does not read: room for the largest head beside its pieces.
# Past the bytes it gets no more work done, past the messages it is forgotten.
MAX_OUTBOX = 1024
MAX_OUTBOX_BYTES = 64 * 1024 * 1024
# Bytes to all clients together: a few that do not read at all.
MAX_ALL_OUTBOX_BYTES = 8 * MAX_OUTBOX_BYTES
# Bytes of all files' requests that wait for the disk: a piece of an upload from each of 64 clients.
MAX_DISK_QUEUE_BYTES = 64 * CHUNK_BYTES
# A client that downloads asks for the next piece within this time, or has left.
DOWNLOAD_S = 30.0
# A worker's loading takes 2 s, a minute from a cold network disk under a virus scanner's eyes. Five
# that do not load are the last.
LOAD_S = 180.0
# The longest that one order may take; gsplat builds its kernels at their first use, for minutes.
ORDER_S = 900.0

# Users whom one server trusts; their file of 64 KiB has room for 700.
MAX_TRUSTED_KEYS = 256

# A client pings after so long without a word to or from the sidecar: four times before it would
# call it silent, and 120 bytes a second.
IDLE_PING_S = 0.5
# A sidecar that has said nothing for so long is shown as silent. Its sockets' thread answers within
# milliseconds, and a hang must be seen within 3 s.
SILENT_S = 2.0
# Interval of libzmq's heartbeats, which notice a peer that vanished without a word.
HEARTBEAT_MS = 1000
# How long heartbeats may stay unanswered: a process that is stopped for 5 s and goes on is not
# lost.
HEARTBEAT_TIMEOUT_MS = 15_000
# Longest handshake: above what a call waits for its answer, so that the call says what is wrong.
HANDSHAKE_MS = 15_000
# Messages of the client that may wait in libzmq. More wait where they were made, and of those there
# are no more than open calls, jobs and views.
MAX_UNSENT = 32
# Messages to the client that may wait in libzmq until it reads them; pieces of pictures, the
# largest, are held to MAX_CREDIT, the rest to one answer a call.
MAX_UNREAD = 256
# Longest wait for the client's thread at its end; it may be in the middle of writing a piece.
CLOSE_S = 2.0

# Half an hour at 120 fps is 216,000 frames: past this a file is damaged or hostile.
MAX_FRAMES = 240_000
# Sentences on what was noticed in reading a take; more would not be read.
MAX_NOTES = 16
MAX_NOTE_LETTERS = 500
# Rates of faces: below, lips cannot be followed and the number is a mistaken unit; above, no camera
# films faces.
LEAST_FPS = 5.0
MOST_FPS = 1000.0
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
# A user's FLAME file: 50 MB as published, 110 MB with every array in double precision.
MAX_FLAME_BYTES = 256 * 1024 * 1024
# A photo of which an avatar is made, where Pillow draws the line too: 270 MB in memory, 60 MB as a
# JPEG of the best quality. All but a few cameras' whole pictures are smaller.
MAX_PHOTO_PIXELS = 89_000_000
MAX_PHOTO_BYTES = 128 * 1024 * 1024
# Photos of a person beside the first: all are held at once, and two show nearly all of a face.
MAX_FURTHER_PHOTOS = 8
# Faces of a photo that are told apart; in a larger crowd each is too small for an avatar.
MAX_FACES = 64
# Largest artefact of each kind that a client may hand over. Adapters and emotion keys are small.
ARTEFACT_BYTES = {
    "motion": MAX_MOTION_BYTES,
    "avatar": MAX_AVATAR_BYTES,
    "adapter": 64 * 1024 * 1024,
    "emotions": 64 * 1024 * 1024,
    "flame": MAX_FLAME_BYTES,
    "photo": MAX_PHOTO_BYTES,
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

# The slowest rate of emotion keys, which may also count seconds: one like 1e-300 would put a whole
# take into one frame. The fastest is that of a take.
LEAST_KEY_FPS = 1.0
# Emotion weights: 1 is the emotion as trained; by hand an animator may push to 1.5.
MAX_EMOTION_WEIGHT = 1.5
# Weights of action units: 1 is the most that faces commonly do, by hand up to half as much again.
MAX_UNIT_WEIGHT = 1.5
# A description of a face in words: a paragraph of a script, not the script.
MAX_WORDS_CHARACTERS = 2000
# Of what such a paragraph sets, so many lines are told; a header holds no more.
MAX_DESCRIBED_LINES = 100
# Region and branch strengths: 0 is off, 1 as trained, 2 is already a caricature.
MAX_STRENGTH = 2.0

# A take as a pickle or a MATLAB file: GAGAvatar_track's frames are 2 KB, so 65,000 of those.
MAX_PICKLED_TAKE_BYTES = 128 * 1024 * 1024
# The child that reads either holds the file, its records and the arrays: three times a FLAME's
# size, ten times a take's, whose arrays are small.
QUARANTINE_BYTES = 2 * 1024 * 1024 * 1024
# Reading one takes about a second; a slow disk and a busy machine take a few.
QUARANTINE_SECONDS = 60

# One part of a sidecar's log. A day's work logs some 100 KB, and any editor opens 1 MB at once.
MAX_LOG_BYTES = 1024 * 1024
# Older parts that are kept beside the newest: the log, and what the sidecar printed beside it.
LOG_PARTS = 2
RAW_PARTS = 1
# Folders of Blenders that have ended, with 5 MB of logs at most each, of which the last may tell
# what went wrong.
MAX_OLD_RUNS = 4
# A sidecar that is not heard for this long is ended and started again: no bake's step, no sleeping
# disk and no swapping takes it, since its sockets have a thread of their own.
HUNG_S = 10.0
# Longest wait of a new sidecar for the end of the one before it in the same folder: 10 s of a hello
# that nobody answers, 2 s to leave, 5 s once killed.
PREDECESSOR_S = 20.0
# Waits before a sidecar is started again; there are no more restarts than these within the window.
# What goes wrong once is mended at once; what goes wrong each time is told within half a minute.
RESTART_WAITS_S = (1.0, 2.0, 4.0, 8.0, 8.0)
RESTART_WINDOW_S = 600.0

# A line of a folder's ledger has 120 bytes: two files for each frame of the longest take, twice.
MAX_LEDGER_BYTES = 128 * 1024 * 1024

# The number in a picture's index pass, where Blender's own pass indices end too.
MAX_OBJECT_INDEX = 32_767
