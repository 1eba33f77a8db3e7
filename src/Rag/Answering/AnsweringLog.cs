using Microsoft.Extensions.Logging;

namespace Rag.Answering;

internal static partial class AnsweringLog
{
    [LoggerMessage(5001, LogLevel.Warning, "Provenance of {Count} answers could not be written to the record and goes to this replica's disk")]
    public static partial void ProvenanceDelayed(this ILogger log, Exception error, int count);

    [LoggerMessage(5002, LogLevel.Warning, "Provenance waits in {Directory} until the record takes it")]
    public static partial void Spooling(this ILogger log, string directory);

    [LoggerMessage(5003, LogLevel.Error, "Provenance of {Count} answers is given up: {Reason}")]
    public static partial void ProvenanceDropped(this ILogger log, int count, string reason);

    [LoggerMessage(5004, LogLevel.Information, "Provenance of {Count} answers that waited on disk is in the record")]
    public static partial void SpoolReplayed(this ILogger log, int count);

    [LoggerMessage(5005, LogLevel.Warning, "{Path} has {Lines} lines that were cut short or damaged; they are skipped")]
    public static partial void SpoolBroken(this ILogger log, string path, int lines);

    [LoggerMessage(5006, LogLevel.Information, "Provenance of {Count} answers waits on disk from before")]
    public static partial void SpoolFound(this ILogger log, int count);

    [LoggerMessage(5007, LogLevel.Error, "The record refuses the provenance of answer {Id}, which is given up")]
    public static partial void ProvenanceRefused(this ILogger log, Exception error, string id);
}
