namespace Rag.Testing.Claims;

/// <summary>A sentence that a model might write, what it cites, and whether that says it.</summary>
/// <param name="Kind">What was done to the true sentence: for true ones <c>verbatim</c>, <c>shortened</c> and so on; for others <c>number</c>, <c>name</c> and so on.</param>
/// <param name="Base">Of an edit: the kind of the true sentence that was edited.</param>
/// <param name="Change">What was edited, for people.</param>
public sealed record ClaimCase(string Kind, string Base, string Claim, IReadOnlyList<string> Spans, bool True, string Source, string Change = "");

/// <summary>A true sentence where it stands.</summary>
/// <param name="Before">Up to two sentences before it, in order; <paramref name="After"/> likewise.</param>
/// <param name="Document">Decides in which half it is.</param>
public sealed record SourceSentence(string Text, IReadOnlyList<string> Before, IReadOnlyList<string> After, string Source, string Document)
{
    /// <summary>As a chunk has it: with its neighbours.</summary>
    public string Chunk => string.Join(' ', [.. Before, Text, .. After]);
}

/// <summary>A question with its answer and the sentence that answers it.</summary>
public sealed record AnsweredQuestion(string Question, string Answer, SourceSentence Sentence);
