using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;
using Rag.Answering;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Backup.Drills;

/// <summary>
/// What a backup keeps to be held against in a drill, found out by other ways than those that the backup is written by: rows
/// counted by the database, some documents, and what questions were answered with. Spans and digests, no text of documents.
/// </summary>
/// <param name="Position">Change-log position of the backup; the questions were answered there.</param>
/// <param name="Counts">Rows of each table.</param>
internal sealed record Golden(long Position, IReadOnlyDictionary<string, long> Counts, IReadOnlyList<SentinelDocument> Sentinels, IReadOnlyList<GoldenQuestion> Questions)
{
    /// <summary>What the part of the backup that holds it is called.</summary>
    public const string PartName = "golden.json";
}

/// <param name="TextSha256">Of the version's extracted text, UTF-8.</param>
internal sealed record SentinelDocument(string Id, string Uri, long Version, string ContentHash, string TextSha256);

/// <param name="Mode">The mode that was used.</param>
/// <param name="Sources">What the answer quoted, in its order.</param>
internal sealed record GoldenQuestion(string Question, string CollectionId, string Mode, string Answerer, string Outcome, IReadOnlyList<GoldenSource> Sources);

/// <param name="Sha256">Of the quote, UTF-8.</param>
internal sealed record GoldenSource(string Document, long Version, int Start, int End, string Sha256);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Golden))]
internal sealed partial class GoldenJson : JsonSerializerContext;

/// <summary>Finds out, while a backup is being made, what a drill will hold against it.</summary>
internal sealed class GoldenMaker(Database database, Answerer answerer, IIndexer indexer, ChangeLog changes, Collections collections, BackupOptions options, TimeProvider time)
{
    private const int Sentinels = 16, AnswersPerQuestion = 10;

    /// <summary>The index may be a little behind the record; where it is further behind, no question is kept.</summary>
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(5), AskFor = TimeSpan.FromSeconds(30);

    /// <param name="record">That the backup is made of; questions are asked only where it is this service's.</param>
    public async Task<Golden> MakeAsync(Database record, RecordSnapshot snapshot, IEnumerable<RecordTable> tables, CancellationToken ct)
    {
        var connection = snapshot.Connection;
        long position = await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log");
        var questions = ReferenceEquals(record, database) ? await AskAsync(snapshot, position, ct) : [];
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in tables)
            if (TableClasses.IsSaved(table.Name)) counts[table.Name] = await connection.ExecuteScalarAsync<long>(new CommandDefinition($"SELECT COUNT(*) FROM \"{table.Name}\"", commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
        var sentinels = new List<SentinelDocument>();
        // The oldest and the newest: what is cut off at either end is missed.
        foreach (string order in new[] { "ASC", "DESC" })
            foreach (var d in await connection.QueryAsync<(string Id, string Uri, long Version, string Hash, string Text)>(
                $"""
                SELECT d.id, d.uri, d.version, d.content_hash, v.text FROM documents d JOIN document_versions v ON v.no = d.version_no
                ORDER BY d.id {order} LIMIT {Sentinels / 2}
                """))
                if (sentinels.All(s => s.Id != d.Id)) sentinels.Add(new(d.Id, d.Uri, d.Version, d.Hash, Sha256.Hex(d.Text)));
        return new(position, counts, sentinels, questions);
    }

    private async Task<IReadOnlyList<GoldenQuestion>> AskAsync(RecordSnapshot snapshot, long position, CancellationToken ct)
    {
        var golden = new List<GoldenQuestion>();
        if (options.GoldenQuestions == 0) return golden;
        var answers = (await snapshot.Connection.QueryAsync<string>(
            "SELECT body FROM answers WHERE outcome = 'answered' ORDER BY created_at DESC LIMIT @limit", new { limit = options.GoldenQuestions * AnswersPerQuestion }))
            .Select(Read).OfType<AnswerRecord>().DistinctBy(a => (a.Question, a.CollectionId)).Take(options.GoldenQuestions).ToList();
        if (answers.Count == 0) return golden;
        long started = time.GetTimestamp();
        try
        {
            await indexer.WaitForAsync(position, CatchUp, ct);
            var all = (await collections.ListAsync(ct)).ToDictionary(c => c.Id);
            foreach (var asked in answers)
            {
                if (time.GetElapsedTime(started) > AskFor) break;
                if (!all.TryGetValue(asked.CollectionId, out var collection)) continue;
                var (answer, _) = await answerer.RehearseAsync(asked.Question, collection, RetrievalModes.Parse(asked.Mode), ct);
                if (answer.Outcome != Answer.Answered || answer.Degraded) continue;
                golden.Add(new(asked.Question, collection.Id, asked.Mode, answer.Answerer, answer.Outcome, [.. answer.Sources.Select(s => new GoldenSource(s.Document, s.Version, s.Start, s.End, s.Sha256))]));
            }
            // Where writes went on meanwhile, the index may be past the backup's position, and what it says may rightly be another thing.
            if (await changes.LastAsync(ct) != position) return [];
        }
        catch (RagException)
        {
            // A backup is not held up by an index that cannot be asked now; the drill makes questions from the documents.
        }
        return golden;
    }

    /// <summary>Null for an answer that cannot be read, such as another release's: it is saved with the others, and no backup fails for it.</summary>
    private static AnswerRecord? Read(string body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, AnsweringJson.Default.AnswerRecord) is { Question: not null, CollectionId: not null } answer ? answer : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
