namespace Rag.Ingestion.Parsing;

/// <summary>
/// Why a file was refused. <see cref="Reason"/> is one of: broken, encrypted, too_large, hostile, unsupported,
/// empty, timeout; the message says more, in words for the person who sent the file.
/// </summary>
internal sealed class ParseException(string reason, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Reason { get; } = reason;
}
