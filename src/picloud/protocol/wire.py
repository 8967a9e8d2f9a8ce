"""The registry of tags between clients, workers and the master. A tag is never used twice."""

from picloud.protocol import blob_messages as blobs
from picloud.protocol import client_messages as client
from picloud.protocol import tree_messages as trees
from picloud.protocol import worker_messages as worker
from picloud.protocol.codec import Codec
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.link_messages import Close, Drain, Heartbeat, Hello

TAGS: dict[int, type] = {
    1: Hello,
    2: Heartbeat,
    3: Drain,
    4: Close,
    8: DefineSpec,
    9: ForgetSpec,
    16: client.SubmitJobs,
    17: client.ReserveJids,
    18: client.WatchJobs,
    19: client.KillJobs,
    20: client.KillAllJobs,
    21: client.DeleteJobs,
    22: client.AskStatus,
    23: client.AskInfo,
    24: client.AskWhy,
    25: client.PresentHandles,
    26: client.AskChain,
    32: client.JidsReserved,
    33: client.JobsDone,
    34: client.JobFailed,
    35: client.JobsUnknown,
    36: client.Accepted,
    37: client.Refused,
    38: client.StatusesRead,
    39: client.InfosRead,
    40: client.ReasonRead,
    41: client.JobsInCycle,
    42: trees.OfferTree,
    43: trees.PutFiles,
    44: trees.FilesWanted,
    48: worker.RegisterWorker,
    49: worker.SetWindow,
    50: worker.AttemptsStarted,
    51: worker.AttemptsDone,
    52: worker.AttemptFailed,
    53: worker.AttemptsReturned,
    54: worker.OutputRead,
    55: worker.AttemptsWaiting,
    56: worker.AttemptsResumed,
    57: worker.UsageRead,
    58: worker.JobSaid,
    64: worker.WorkerAccepted,
    65: worker.RunJobs,
    66: worker.StopAttempts,
    67: worker.TakeBack,
    68: worker.ReadOutput,
    69: worker.TellJob,
    70: trees.DefineTree,
    71: trees.ForgetTree,
    80: blobs.OfferBlobs,
    81: blobs.WithdrawBlobs,
    82: blobs.BlobsKept,
    83: blobs.BlobsRefused,
    84: blobs.ReadBlob,
    85: blobs.BlobPiece,
    86: blobs.BlobMissing,
}

WIRE = Codec(TAGS)
