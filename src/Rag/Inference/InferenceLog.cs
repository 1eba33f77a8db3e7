using Microsoft.Extensions.Logging;

namespace Rag.Inference;

internal static partial class InferenceLog
{
    [LoggerMessage(700, LogLevel.Information, "Embedding model {ModelId} ready: {Dimensions} dimensions, loaded in {ElapsedMs:F0} ms.")]
    public static partial void ModelReady(this ILogger logger, string modelId, int dimensions, double elapsedMs);

    [LoggerMessage(701, LogLevel.Warning, "No embedding model, retrieval is lexical only: {Reason}")]
    public static partial void ModelUnavailable(this ILogger logger, string reason);

    [LoggerMessage(702, LogLevel.Warning, "Token counts are approximate: {Reason}")]
    public static partial void VocabularyUnavailable(this ILogger logger, string reason);
}
