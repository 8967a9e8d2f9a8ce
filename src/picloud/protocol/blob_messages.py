"""Messages about blobs: between clients and the master, and between the master and workers.

Whoever is about to send payloads offers the blobs that these name; the master reads those that it
lacks from whoever has offered them, and says so once it keeps them. A worker reads the blobs of the
jobs that it was given from the master, a client those of results. It is always the receiver who
asks, piece by piece: one that does not read holds up nobody, and no other message has to wait for
more than some pieces.

Blobs are known for each owner apart. Messages between a master and a worker name the owner; a
client has one only.
"""

from picloud.statemachine import value

# ------------------------------------------------------------------ client or worker to master


@value
class OfferBlobs:
    """Payloads that follow will name these; each key is answered, by itself or with others.

    The answer is `BlobsKept` or `BlobsRefused`. What the master keeps of an offer it keeps at
    least until a `WithdrawBlobs`, or the end of the link.
    """

    keys: list[bytes]
    owner: str = ""


@value
class WithdrawBlobs:
    """Nothing that was not sent yet will name these: the end of an offer that was kept."""

    keys: list[bytes]
    owner: str = ""


# ------------------------------------------------------------------ master to client or worker


@value
class BlobsKept:
    """The master has them."""

    keys: list[bytes]
    owner: str = ""


@value
class BlobsRefused:
    """The master does not take them; the offer is void."""

    keys: list[bytes]
    text: str
    owner: str = ""


# ------------------------------------------------------------------ from and to all of them


@value
class ReadBlob:
    """Asks for a piece; answered by `BlobPiece` or `BlobMissing`, in the order of the questions."""

    key: bytes
    offset: int
    size: int
    owner: str = ""


@value
class BlobPiece:
    """A piece of a blob."""

    key: bytes
    offset: int
    data: bytes
    owner: str = ""


@value
class BlobMissing:
    """There is no such blob, or not any more."""

    key: bytes
    owner: str = ""
