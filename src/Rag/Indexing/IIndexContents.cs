using Rag.Ingestion;

namespace Rag.Indexing;

internal sealed record IndexCounts(long Position, long Chunks, long Embedded);

/// <summary>What the index holds, for status, metrics and comparing with the record. Every engine reads what questions read.</summary>
internal interface IIndexContents
{
    /// <summary>Chunks in all collections, as last seen; costs nothing.</summary>
    long ChunkCount { get; }

    /// <summary>Null where there is no index of the collection.</summary>
    ValueTask<IndexCounts?> CountAsync(string collectionId, CancellationToken ct);

    /// <summary>
    /// Compares with the record chunk by chunk: each is there once, with the text of its span, and a vector where the
    /// record has one. What is written meanwhile looks like a difference.
    /// </summary>
    Task<IndexVerification> VerifyAsync(Collection collection, CancellationToken ct);

    ValueTask<long> SizeBytesAsync(CancellationToken ct);
}
