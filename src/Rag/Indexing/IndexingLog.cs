using Microsoft.Extensions.Logging;

namespace Rag.Indexing;

internal static partial class IndexingLog
{
    [LoggerMessage(3001, LogLevel.Information, "Index ready: {Collections} collections at position {Position} in {ElapsedMs:F0} ms")]
    public static partial void IndexReady(this ILogger log, int collections, long position, double elapsedMs);

    [LoggerMessage(3002, LogLevel.Warning, "Index of collection {Collection} is built anew from the record: {Reason}")]
    public static partial void IndexRebuilt(this ILogger log, string collection, string reason);

    [LoggerMessage(3003, LogLevel.Error, "The indexer stopped at position {Position} and tries again")]
    public static partial void IndexerFailed(this ILogger log, Exception error, long position);

    [LoggerMessage(3006, LogLevel.Warning, "The index is at position {Position}, which the record has not reached: the record was restored. All indexes are built anew")]
    public static partial void RecordWentBack(this ILogger log, long position);

    [LoggerMessage(3004, LogLevel.Error, "Embedding failed and is tried again in {DelaySeconds} s: {Reason}")]
    public static partial void EmbeddingFailed(this ILogger log, string reason, double delaySeconds);

    [LoggerMessage(3005, LogLevel.Information, "{Chunks} chunks carry vectors of another model and are embedded anew with {Model}")]
    public static partial void ModelChanged(this ILogger log, int chunks, string model);

    [LoggerMessage(3007, LogLevel.Warning, "The index in the database is built anew from the record: {Reason}")]
    public static partial void DatabaseIndexRebuilt(this ILogger log, string reason);

    [LoggerMessage(3010, LogLevel.Warning, "Index opened without the record: {Collections} collections at position {Position}")]
    public static partial void OpenedWithoutRecord(this ILogger log, int collections, long position);
}
