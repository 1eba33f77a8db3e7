using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Hosting;
using Rag.Answering;
using Rag.Audit;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Backup.Drills;

/// <summary>
/// The steps of a drill on a scratch store, in their order: restore, compare, index, ask. Each notes what it found and goes on,
/// so that the evidence names everything that is wrong. Only the index runs in the store: a record that was restored would go on
/// with its schedules and notices.
/// </summary>
internal sealed class DrillRun(BackupReader backup, ScratchStore store, BackupOptions options, TimeProvider time, IProgress<BackupProgress>? progress)
{
    private const int Sentences = 12, MinSentenceChars = 40, MaxSentenceChars = 400;

    /// <summary>A sentence that stands in many documents may be found in others than its own.</summary>
    private const double MinSentencesFound = 0.8;

    private readonly List<DrillCheck> _checks = [];
    private Golden? _golden;

    public IReadOnlyList<DrillCheck> Checks => _checks;

    public IReadOnlyList<DrillTable> Tables { get; private set; } = [];

    public DrillQuestions Questions { get; private set; } = new(0, 0, 0, 0, 0);

    public double RestoreSeconds { get; private set; }

    public double IndexSeconds { get; private set; }

    /// <summary>How long the first question took.</summary>
    public double QuestionSeconds { get; private set; }

    /// <summary>Whether the record itself is not what was backed up.</summary>
    public bool RecordIsWrong => _checks.Any(c => !c.Passed && c.Name is "position" or "writable" or "tables" or "counts" or "sentinels" or "references" or "integrity" or "audit");

    private TimeSpan Limit => TimeSpan.FromHours(options.LimitHours);

    /// <summary>Puts the backup, which was read in full before, into the empty record of the store.</summary>
    public async Task RestoreAsync(CancellationToken ct)
    {
        long started = time.GetTimestamp();
        await Restorer.RestoreIntoAsync(store.Get<Database>(), backup, RestoreInto.Empty, time, progress, ct, limit: Limit, verified: true);
        RestoreSeconds = time.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Compares the restored record with what the backup says, and with what was counted beside it.</summary>
    public async Task CompareAsync(CancellationToken ct)
    {
        progress?.Report(new("compare the tables", 0, 0));
        var m = backup.Manifest;
        var database = store.Get<Database>();
        _golden = await ReadGoldenAsync(ct);
        await using (var connection = await database.OpenAsync(ct))
        {
            long reached = await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log");
            Note("position", reached == m.Position, $"The record is at position {reached}, the backup at {m.Position}.");
        }
        await WriteAsync(database, ct);
        var there = await TableDigests.OfAsync(database, ct, m.Position);
        var said = TableDigests.Of(m);
        Tables = [.. said.Select(t => new DrillTable(t.Key, there.GetValueOrDefault(t.Key)?.Rows ?? 0, there.GetValueOrDefault(t.Key)?.Digest ?? "", there.GetValueOrDefault(t.Key) == t.Value))];
        var others = Tables.Where(t => !t.Same).ToList();
        Note("tables", others.Count == 0, others.Count == 0 ? $"All {Tables.Count} tables have the rows of the backup, {Tables.Sum(t => t.Rows):N0} in all."
            : $"Not as in the backup: {string.Join(", ", others.Select(t => $"{t.Table} ({t.Rows:N0} rows of {said[t.Table].Rows:N0})"))}.");
        await using (var connection = await database.OpenAsync(ct))
        {
            await CompareGoldenAsync(connection, ct);
            await CompareReferencesAsync(connection, ct);
        }
        var report = await database.InspectAsync(ct);
        Note("integrity", report.Problems.Count == 0, report.Problems.Count == 0 ? report.Checked : string.Join(" ", report.Problems));
        await CompareAuditAsync(database, ct);
    }

    /// <summary>Makes the index from the restored record.</summary>
    public async Task IndexAsync(CancellationToken ct)
    {
        progress?.Report(new("make the index", 0, 0));
        long started = time.GetTimestamp();
        var indexer = store.Get<IIndexer>();
        await store.StartAsync((IHostedService)indexer, ct);
        await indexer.Ready.WaitAsync(Limit, ct);
        await indexer.WaitForAsync(backup.Manifest.Position, Limit, ct);
        IndexSeconds = time.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Compares every chunk of the index with the record.</summary>
    public async Task VerifyIndexAsync(CancellationToken ct)
    {
        progress?.Report(new("compare the index", 0, 0));
        var report = await store.Get<IndexVerifier>().VerifyAsync(ct);
        var wrong = report.Collections.Where(c => c.Problems.Count > 0).ToList();
        Note("index", report.Clean, report.Clean ? $"The index has the {report.Collections.Sum(c => c.RecordChunks):N0} chunks of the record." : $"The index is not the record's: {wrong[0].Collection}: {string.Join("; ", wrong[0].Problems.Take(3))}.");
    }

    /// <summary>Asks, and compares the answers with those that were given when the backup was made; what is quoted must stand in the record.</summary>
    public async Task AskAsync(CancellationToken ct)
    {
        progress?.Report(new("ask", 0, 0));
        var collections = (await store.Get<Collections>().ListAsync(ct)).ToDictionary(c => c.Id);
        var golden = _golden?.Questions ?? [];
        int alike = 0, found = 0, misquoted = 0;
        var others = new List<string>();
        var settled = new Dictionary<string, bool>();
        foreach (var question in golden)
        {
            var (answer, same) = await AskAsync(question, collections, ct);
            if (answer is not null) misquoted += await MisquotedAsync(answer, ct);
            if (same) alike++;
            else if (answer is not null && FindsWhatItQuoted(question, answer) && !await IsSettledAsync(question.CollectionId)) found++;
            else others.Add(question.Question);
        }
        Note("golden-questions", others.Count == 0, golden.Count == 0 ? "The backup keeps no questions: none was answered before it, or writes went on while it was made."
            : others.Count == 0 ? $"Of {golden.Count} questions {alike} were answered with the same sentences{(found > 0 ? $", and {found} found what they quoted and chose other sentences" : "")}."
            : $"{others.Count} of {golden.Count} questions were answered otherwise, such as \"{others[0]}\".");
        var sentences = await SentencesAsync(ct);
        int sentencesFound = 0;
        foreach (var (text, collectionId) in sentences)
        {
            var (answer, evidence) = await TimedAsync(QueryText.Normalise(text), collections[collectionId], RetrievalMode.Hybrid, ct);
            misquoted += await MisquotedAsync(answer, ct);
            if (evidence.Any(e => e.Chunk.Text.Contains(text, StringComparison.Ordinal))) sentencesFound++;
        }
        Note("sentences", sentencesFound >= sentences.Count * MinSentencesFound, sentences.Count == 0 ? "There is no sentence to ask for." : $"Of {sentences.Count} sentences of the documents {sentencesFound} are found.");
        Note("quotes", misquoted == 0, misquoted == 0 ? "Every quote stands in the restored record." : $"{misquoted} quotes do not stand in the restored record.");
        Questions = new(golden.Count, alike, found, sentences.Count, sentencesFound);

        // Statistics of the running index may still hold chunks of documents that were replaced or removed (ADR 11).
        async Task<bool> IsSettledAsync(string collection)
        {
            if (settled.TryGetValue(collection, out bool known)) return known;
            await using var connection = await store.Get<Database>().OpenAsync(ct);
            return settled[collection] = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                "SELECT COUNT(*) FROM change_log WHERE collection_id = @collection AND (kind = 'document.deleted' OR (kind = 'document.put' AND version > 1))", new { collection }, cancellationToken: ct)) == 0;
        }
    }

    private async Task<(Answer? Answer, bool Same)> AskAsync(GoldenQuestion question, Dictionary<string, Collection> collections, CancellationToken ct)
    {
        if (!collections.TryGetValue(question.CollectionId, out var collection)) return (null, false);
        var (answer, _) = await TimedAsync(question.Question, collection, RetrievalModes.Parse(question.Mode), ct);
        return (answer, answer.Outcome == question.Outcome && answer.Sources.Select(s => s.Sha256).SequenceEqual(question.Sources.Select(s => s.Sha256)));
    }

    private async Task<(Answer Answer, IReadOnlyList<Evidence> Evidence)> TimedAsync(string question, Collection collection, RetrievalMode mode, CancellationToken ct)
    {
        long started = time.GetTimestamp();
        var answered = await store.Get<Answerer>().RehearseAsync(question, collection, mode, ct);
        if (QuestionSeconds == 0) QuestionSeconds = time.GetElapsedTime(started).TotalSeconds;
        return answered;
    }

    private static bool FindsWhatItQuoted(GoldenQuestion question, Answer answer) => answer.Outcome == question.Outcome
        && question.Sources.All(s => answer.LookedAt.Any(l => l.Document == s.Document && l.Version == s.Version && l.Start <= s.Start && l.End >= s.End));

    private async Task<int> MisquotedAsync(Answer answer, CancellationToken ct)
    {
        int wrong = 0;
        foreach (var s in answer.Sources)
            if (await store.Get<DocumentRecord>().TextAsync(s.Document, s.Version, ct) is not { } text || s.End > text.Length || text[s.Start..s.End] != s.Quote) wrong++;
        return wrong;
    }

    /// <summary>Sentences from chunks all over the record, always the same of the same record.</summary>
    private async Task<IReadOnlyList<(string Text, string CollectionId)>> SentencesAsync(CancellationToken ct)
    {
        await using var connection = await store.Get<Database>().OpenAsync(ct);
        // Where hashes are spread evenly the first are a sample.
        var chunks = await connection.QueryAsync<(string CollectionId, string Document, long Version, long Start, long End, byte[] Units)>(new CommandDefinition(
            """
            SELECT d.collection_id, d.id, d.version, c.span_start, c.span_end, c.units FROM chunks c JOIN documents d ON d.version_no = c.version_no
            ORDER BY c.hash, c.version_no LIMIT @limit
            """, new { limit = Sentences * 8 }, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
        var sentences = new List<(string, string)>();
        foreach (var c in chunks)
        {
            if (sentences.Count == Sentences) break;
            if (await store.Get<DocumentRecord>().TextAsync(c.Document, c.Version, ct) is not { } text || c.End > text.Length) continue;
            var unit = UnitCodec.Decode(c.Units, (int)c.Start).FirstOrDefault(u => u.Kind == UnitKind.Sentence && u.End - u.Start is >= MinSentenceChars and <= MaxSentenceChars);
            if (unit.End > 0 && unit.End <= text.Length) sentences.Add((text[unit.Start..unit.End], c.CollectionId));
        }
        return sentences;
    }

    private async Task<Golden?> ReadGoldenAsync(CancellationToken ct)
    {
        if (backup.Manifest.Parts.FirstOrDefault(p => p.Kind == PartKind.File && p.Name == Golden.PartName) is not { } part) return null;
        using var bytes = new MemoryStream();
        await backup.CopyToAsync(part, bytes, ct);
        return JsonSerializer.Deserialize(bytes.ToArray(), GoldenJson.Default.Golden);
    }

    /// <summary>A server that still recovers reads and does not write.</summary>
    private async Task WriteAsync(Database database, CancellationToken ct)
    {
        try
        {
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE collections SET name = name", transaction: tx), ct);
            Note("writable", true, "The record takes writes.");
        }
        catch (RagException e)
        {
            Note("writable", false, $"The record takes no writes: {e.Message}");
        }
    }

    private async Task CompareGoldenAsync(System.Data.Common.DbConnection connection, CancellationToken ct)
    {
        if (_golden is null)
        {
            Note("counts", true, "The backup is of a release that counted nothing beside it.");
            return;
        }
        var others = new List<string>();
        foreach (var (table, rows) in _golden.Counts)
        {
            long there = await connection.ExecuteScalarAsync<long>(new CommandDefinition($"SELECT COUNT(*) FROM \"{table}\"", commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
            if (there != rows) others.Add($"{table} ({there:N0} rows of {rows:N0})");
        }
        Note("counts", others.Count == 0, others.Count == 0 ? $"The database counts as many rows of {_golden.Counts.Count} tables as it did when the backup was made." : $"Not as many rows as were counted: {string.Join(", ", others)}.");
        var missed = new List<string>();
        foreach (var s in _golden.Sentinels)
        {
            var d = await connection.QuerySingleOrDefaultAsync<(string Uri, long Version, string Hash, string Text)?>(
                "SELECT d.uri, d.version, d.content_hash, v.text FROM documents d JOIN document_versions v ON v.no = d.version_no WHERE d.id = @Id", new { s.Id });
            if (d is not { } there || (there.Uri, there.Version, there.Hash, Sha256.Hex(there.Text)) != (s.Uri, s.Version, s.ContentHash, s.TextSha256)) missed.Add(s.Uri);
        }
        Note("sentinels", missed.Count == 0, missed.Count == 0 ? $"The {_golden.Sentinels.Count} oldest and newest documents are as they were." : $"Not as they were: {string.Join(", ", missed.Take(5))}.");
    }

    private async Task CompareReferencesAsync(System.Data.Common.DbConnection connection, CancellationToken ct)
    {
        var wrong = new List<string>();
        await CountAsync("documents without their version", "SELECT COUNT(*) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM document_versions v WHERE v.no = d.version_no AND v.document_id = d.id AND v.version = d.version)");
        await CountAsync("documents without all their chunks", "SELECT COUNT(*) FROM documents d WHERE d.chunk_count <> (SELECT COUNT(*) FROM chunks c WHERE c.version_no = d.version_no)");
        await CountAsync("documents without a collection", "SELECT COUNT(*) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM collections c WHERE c.id = d.collection_id)");
        Note("references", wrong.Count == 0, wrong.Count == 0 ? "Every document has its collection, its version and its chunks." : $"There are {string.Join(", ", wrong)}.");

        async Task CountAsync(string what, string sql)
        {
            long count = await connection.ExecuteScalarAsync<long>(new CommandDefinition(sql, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
            if (count > 0) wrong.Add($"{count:N0} {what}");
        }
    }

    /// <summary>The restored audit record is whole up to the checkpoint that the backup carries.</summary>
    private async Task CompareAuditAsync(Database database, CancellationToken ct)
    {
        if (backup.Manifest.Audit is not { } audit)
        {
            Note("audit", true, "The backup holds no audit record.");
            return;
        }
        await using var connection = await database.OpenAsync(ct);
        var verified = await store.Get<AuditVerifier>().VerifyAsync(connection, null, audit.Checkpoint is { } note ? [note] : [], ct);
        Note("audit", verified.Intact, verified.Intact ? $"The {verified.Records:N0} audit records are whole and signed." : $"The audit record is not whole: {string.Join("; ", verified.Problems.Take(3))}.");
    }

    private void Note(string name, bool passed, string found) => _checks.Add(new(name, passed, found));
}
