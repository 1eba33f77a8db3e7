using Rag.Indexing;

namespace Rag.Answering;

/// <summary>
/// Where an answer came from, as it is kept: everything that choosing depended on but the text itself, which is read
/// from the documents' versions by span and checked by digest. When a document is deleted, its words are gone from
/// here too.
/// </summary>
/// <param name="Choices">The units that are its sources, in the order of their numbers.</param>
/// <param name="Groups">Groups of whoever asked, which decided what there was to answer from; null where that was everything, as with records of earlier releases.</param>
public sealed record AnswerRecord(
    string Id, string Question, string CollectionId, string Collection, string Language, string Outcome, string Mode, bool LexicalOnly,
    string Answerer, long IndexPosition, string? DegradedReason, double Strength, long CreatedAt,
    IReadOnlyList<RecordedTerm> Terms, IReadOnlyList<RecordedEvidence> Evidence, IReadOnlyList<RecordedChoice> Choices,
    IReadOnlyList<string>? Groups = null, RecordedGeneration? Generation = null)
{
    /// <summary>What was searched for and answered.</summary>
    internal string Answering => Generation?.RewrittenQuestion ?? Question;

    /// <summary>Documents whose words the answer holds.</summary>
    internal IEnumerable<string> Quoted => Choices.Select(c => Evidence[c.Evidence].Document).Distinct();
}

public sealed record RecordedTerm(string Text, float Idf);

/// <param name="Units">Unit spans, encoded, base64.</param>
/// <param name="TextSha256">Digest of the chunk's text.</param>
public sealed record RecordedEvidence(
    string Document, long Version, long VersionNo, int Chunk, int Start, int End, int? Page, string Uri, string Title, string MediaType,
    string HeadingPath, string Context, string Hash, string Units, string TextSha256, float Score, float Coverage, float Cosine)
{
    internal static RecordedEvidence From(Evidence e) => new(
        e.Chunk.DocumentId, e.Chunk.Version, e.Chunk.VersionNo, e.Chunk.Ordinal, e.Chunk.Start, e.Chunk.End, e.Chunk.Page, e.Chunk.Uri, e.Chunk.Title,
        e.Chunk.MediaType, e.Chunk.HeadingPath, e.Chunk.Context, e.Chunk.Hash, Convert.ToBase64String(e.Chunk.UnitBytes),
        Foundation.Sha256.Hex(e.Chunk.Text), e.Score, e.Coverage, e.Cosine);

    /// <summary>The evidence again, with the text that the record still has of it.</summary>
    internal Evidence Restore(string text) => new(
        new IndexedChunk(Document, Version, VersionNo, Chunk, Title, Uri, MediaType, Start, End, Page, HeadingPath, Context, Hash, Convert.FromBase64String(Units), text),
        Score, Coverage, Cosine);
}

public sealed record RecordedChoice(int Evidence, int Unit);

/// <summary>What a language model had to do with an answer: enough to make its prompt again and compare.</summary>
/// <param name="Prompt">Version of what the model was told, which holds the mode.</param>
/// <param name="Fence">The number that the prompt's data stood between.</param>
/// <param name="Sentences">The sentences, where they are not the choices one by one.</param>
public sealed record RecordedGeneration(
    string Mode, string? Model = null, string? Prompt = null, string? PromptSha256 = null, string? Fence = null, int ContextTokens = 0, int MaxOutputTokens = 0, int Chunks = 0,
    int Withheld = 0, int Replaced = 0, int Dropped = 0, string? RewrittenQuestion = null, string? RewrittenBy = null, string? RewritePromptSha256 = null,
    IReadOnlyList<RecordedSentence>? Sentences = null)
{
    internal AnswerGeneration Shown => new(Mode, Model, PromptSha256, Withheld, Replaced, RewrittenQuestion, RewrittenBy);
}

/// <param name="Sources">Which of the choices it cites, from 0.</param>
/// <param name="Sealed">A model's words, which only the texts that they cite open (<see cref="Answering.Generation.SentenceSeal"/>); null where it is the choice itself.</param>
public sealed record RecordedSentence(IReadOnlyList<int> Sources, string? Sealed = null);
