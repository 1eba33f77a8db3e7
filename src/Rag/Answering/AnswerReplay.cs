using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>Shows and replays answers from their provenance and from the documents' versions that the record keeps.</summary>
internal sealed class AnswerReplay(Provenance provenance, DocumentRecord documents, RecordState state, DataAccessLog accesses, IndexStore? indexes = null)
{
    /// <summary>The answer as it was given, its quotes read again from the documents.</summary>
    /// <exception cref="RagException">NotFound: no such answer. Conflict: a document that it quotes is no longer kept.</exception>
    public async Task<Answer> ShowAsync(string id, CancellationToken ct)
    {
        var record = await GetAsync(id, ct);
        var (evidence, missing) = await RestoreAsync(record, ct);
        if (missing is not null) throw new RagException(ErrorKind.Conflict, $"Answer {id} cannot be shown whole: {missing}", "What the record keeps of it are question, time and spans; the words are gone with the document.");
        Note(record);
        return AnswerRendering.Render(record, evidence, cacheLayer: null);
    }

    /// <summary>Chooses again from the same evidence and compares.</summary>
    public async Task<ReplayResult> ReplayAsync(string id, CancellationToken ct)
    {
        var record = await GetAsync(id, ct);
        var (evidence, missing) = await RestoreAsync(record, ct);
        if (missing is not null) return new(id, false, missing, []);
        Note(record);
        var answer = AnswerRendering.Render(record, evidence, cacheLayer: null);
        if (record.Answerer != ExtractiveAnswerer.Version)
            return new(id, false, $"it was made by {record.Answerer}; this release answers with {ExtractiveAnswerer.Version}.", answer.Sources);
        using var analyzer = Analyzers.For(record.Language);
        var selection = ExtractiveAnswerer.Select(
            record.Question, record.Terms.Select(t => new WeightedTerm(t.Text, t.Idf)).ToList(), evidence, analyzer, record.LexicalOnly);
        bool same = selection.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit)).SequenceEqual(record.Choices);
        return new(id, same, same ? null : "the same evidence led to other sentences.", answer.Sources);
    }

    private void Note(AnswerRecord record) => accesses.Note(new("read", record.CollectionId, record.Question, record.Id, [.. record.Evidence.Select(e => e.Document).Distinct()]));

    private async Task<AnswerRecord> GetAsync(string id, CancellationToken ct) =>
        await provenance.FindAsync(id, ct) ?? throw new RagException(ErrorKind.NotFound, $"There is no answer '{id}'.", "The id stands in the answer that 'rag ask --json' prints.");

    private async Task<(IReadOnlyList<Evidence> Evidence, string? Missing)> RestoreAsync(AnswerRecord record, CancellationToken ct)
    {
        var evidence = new List<Evidence>(record.Evidence.Count);
        foreach (var e in record.Evidence)
        {
            string? chunk = state.Away ? FromIndex(record, e) : await FromRecordAsync(e, ct);
            if (chunk is null) return (evidence, $"document {e.Document}, version {e.Version}, is no longer kept.");
            if (Sha256.Hex(chunk) != e.TextSha256) return (evidence, $"the text of document {e.Document}, version {e.Version}, is not what it was.");
            evidence.Add(e.Restore(chunk));
        }
        return (evidence, null);
    }

    private async Task<string?> FromRecordAsync(RecordedEvidence e, CancellationToken ct) =>
        await documents.TextAsync(e.Document, e.Version, ct) is { } text ? e.End <= text.Length ? text[e.Start..e.End] : "" : null;

    /// <summary>While the record is away the index has the text of what is current.</summary>
    private string FromIndex(AnswerRecord record, RecordedEvidence e)
    {
        using var snapshot = indexes?.Find(record.CollectionId)?.Acquire();
        return snapshot?.Find(e.Document, e.VersionNo, e.Chunk)?.Text
            ?? throw new RagException(ErrorKind.Unavailable, $"Answer {record.Id} quotes a version that is not in the index, and the record is away.", "Try again when the record is back.");
    }
}
