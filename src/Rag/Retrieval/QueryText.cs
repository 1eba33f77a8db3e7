using Rag.Foundation;
using Rag.Ingestion.Parsing;

namespace Rag.Retrieval;

/// <summary>
/// A question in the one form that everything works on: clean, single blanks, lower case. Neither the full-text
/// analysis nor the shipped embedding model tells cases apart, so questions that differ in nothing else have the same
/// answer, and the cache may know them for the same.
/// </summary>
internal static class QueryText
{
    public const int MaxChars = 2_000;

    /// <param name="what">What the caller calls it, for the message.</param>
    public static string Normalise(string? text, string what = "question")
    {
        string clean = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(text ?? ""));
        if (clean.Length == 0) throw new RagException(ErrorKind.Invalid, $"The {what} is empty.", "Ask something, such as: How do I restore a backup?");
        if (clean.Length > MaxChars)
            throw new RagException(ErrorKind.Invalid, $"The {what} has {clean.Length:N0} characters; at most {MaxChars:N0} are read.", "Ask a shorter one; documents go in with 'rag ingest'.");
        return clean.ToLowerInvariant();
    }
}
