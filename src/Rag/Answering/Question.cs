using Rag.Foundation;

namespace Rag.Answering;

/// <summary>
/// A question in the one form that everything works on: clean, single blanks, lower case. Neither the full-text
/// analysis nor the shipped embedding model tells cases apart, so questions that differ in nothing else have the same
/// answer, and the cache may know them for the same.
/// </summary>
internal static class Question
{
    public const int MaxChars = 2_000;

    public static string Normalise(string? question)
    {
        string clean = Ingestion.Parsing.ParsedTextBuilder.Collapse(Ingestion.Parsing.ParsedTextBuilder.Clean(question ?? ""));
        if (clean.Length == 0)
            throw new RagException(ErrorKind.Invalid, "The question is empty.", "Ask something, such as: How do I restore a backup?");
        if (clean.Length > MaxChars)
            throw new RagException(ErrorKind.Invalid, $"The question has {clean.Length:N0} characters; at most {MaxChars:N0} are read.", "Ask a shorter question; put documents in with 'rag ingest'.");
        return clean.ToLowerInvariant();
    }
}
