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

    [LoggerMessage(703, LogLevel.Warning, "The language model {Reason} ({Fault}); answers are extracted meanwhile. {Cause}")]
    public static partial void LanguageModelFailed(this ILogger logger, Generation.ModelFault fault, string reason, string? cause);

    [LoggerMessage(704, LogLevel.Information, "The language model answers again.")]
    public static partial void LanguageModelBack(this ILogger logger);

    [LoggerMessage(705, LogLevel.Error, "The language model's answer could not be read; the answer is extracted. This is a fault of this program.")]
    public static partial void LanguageModelReplyUnread(this ILogger logger, Exception e);
}
