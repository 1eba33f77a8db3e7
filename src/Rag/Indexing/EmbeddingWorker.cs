using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Indexing;

/// <summary>
/// Makes the vectors of chunks that have none and stores them in the record, once for all replicas; a document
/// whose chunks are all done is announced in the change log. Until then it is found by its words.
/// </summary>
internal sealed class EmbeddingWorker(Database database, ChangeLog changes, EmbeddingClaims claims, Embedder embedder, ReadOnlyMode readOnly, TimeProvider time, ILogger<EmbeddingWorker> log) : BackgroundService
{
    private const int BatchChunks = 128;
    private const int ForgottenAtOnce = 5_000;
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromSeconds(1), MaxRetryDelay = TimeSpan.FromSeconds(10);

    private sealed record Work(long VersionNo, long Ordinal, string DocumentId, string CollectionId, long Version, string Title, string HeadingPath, string Context, long SpanStart, long SpanEnd);

    /// <summary>The text that the last batch ended in: the next one mostly goes on in the same document.</summary>
    private (long VersionNo, string Text) _lastText = (0, "");

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (embedder.ModelId is not { } model) return;
        var delay = FirstRetryDelay;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var announced = changes.NextAnnouncement;
                // Vectors are written to the documents, and wait until that is allowed again.
                bool more = readOnly.Current is null && await EmbedNextAsync(model, stop);
                delay = FirstRetryDelay;
                if (more) continue;
                _lastText = (0, "");
                await announced.WaitAsync(PollInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                log.EmbeddingFailed(e.Message, delay.TotalSeconds);
                await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                delay = delay * 2 < MaxRetryDelay ? delay * 2 : MaxRetryDelay;
            }
        }
    }

    private static byte[] Row(float[] vector)
    {
        var row = new byte[QuantizedVector.RowBytes(vector.Length)];
        QuantizedVector.Write(vector, row);
        return row;
    }

    /// <summary>Takes the vectors of other models away, so that they are made anew; the leader's work, in pieces.</summary>
    public async Task ForgetOtherModelsAsync(LeaderTerm term, CancellationToken ct)
    {
        if (embedder.ModelId is not { } model || readOnly.Current is not null) return;
        int chunks = 0, piece;
        do
        {
            piece = await term.WriteAsync(async tx =>
            {
                await database.AllowLongAsync(tx);
                return await tx.Connection!.ExecuteAsync(
                    "UPDATE chunks SET vector = NULL, model = NULL WHERE (version_no, ordinal) IN (SELECT version_no, ordinal FROM chunks WHERE model <> @model LIMIT @ForgottenAtOnce)",
                    new { model, ForgottenAtOnce }, tx, commandTimeout: Database.LongCommandSeconds);
            }, ct);
            chunks += piece;
        }
        while (piece == ForgottenAtOnce);
        if (chunks > 0) log.ModelChanged(chunks, model);
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        if (!database.Shared || embedder.ModelId is null) return;
        try
        {
            await claims.ReleaseAsync(ct);
        }
        catch (Exception e) when (e is Foundation.RagException or OperationCanceledException)
        {
            // They run out by themselves.
        }
    }

    private async Task<bool> EmbedNextAsync(string model, CancellationToken ct)
    {
        if (database.Shared && await claims.ClaimAsync(BatchChunks, ct) == 0) return false;
        var work = await NextAsync(ct);
        if (work.Count == 0) return false;
        var texts = await TextsAsync(work, ct);
        var vectors = await claims.HoldAsync(embedder.EmbedAsync(texts, ct), ct);
        bool finished = await database.WriteAsync(async tx =>
        {
            // Documents in the order in which all writers take them. Whoever makes the last vector of one sees those that
            // others have made, for they wait here.
            if (database.Shared)
                await tx.Connection!.ExecuteAsync(
                    $"SELECT id FROM documents WHERE version_no = ANY(@versions) ORDER BY collection_id, uri {database.Dialect.LockRows}", new { versions = work.Select(w => w.VersionNo).Distinct().ToArray() }, tx);
            await tx.Connection!.ExecuteAsync(
                "UPDATE chunks SET vector = @vector, model = @model WHERE version_no = @VersionNo AND ordinal = @Ordinal AND vector IS NULL",
                work.Select((w, i) => new { w.VersionNo, w.Ordinal, vector = Row(vectors[i]), model }), tx);
            if (database.Shared) await claims.ReleaseAsync(tx);
            var done = new List<NewChange>();
            foreach (var document in work.GroupBy(w => w.VersionNo))
            {
                bool more = await tx.Connection!.ExecuteScalarAsync<bool>(
                    "SELECT EXISTS (SELECT 1 FROM chunks WHERE version_no = @Key AND vector IS NULL)", new { document.Key }, tx);
                bool current = await tx.Connection!.ExecuteScalarAsync<bool>(
                    "SELECT EXISTS (SELECT 1 FROM documents WHERE version_no = @Key)", new { document.Key }, tx);
                if (more || !current) continue;
                var first = document.First();
                done.Add(new(ChangeKind.DocumentEmbedded, first.CollectionId, first.DocumentId, first.Version));
            }
            await changes.AppendAsync(tx, done);
            return done.Count > 0;
        }, ct);
        if (finished) changes.Announce();
        return true;
    }

    private async Task<IReadOnlyList<Work>> NextAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<Work>(new CommandDefinition(
            $"""
            SELECT c.version_no AS VersionNo, c.ordinal AS Ordinal, d.id AS DocumentId, d.collection_id AS CollectionId, d.version AS Version,
                   d.title AS Title, c.heading_path AS HeadingPath, c.context AS Context, c.span_start AS SpanStart, c.span_end AS SpanEnd
            FROM chunks c JOIN documents d ON d.version_no = c.version_no
            {(database.Shared ? "JOIN embedding_claims e ON e.version_no = c.version_no AND e.ordinal = c.ordinal AND e.owner = @Owner" : "")}
            WHERE c.vector IS NULL ORDER BY c.version_no, c.ordinal LIMIT @limit
            """, new { claims.Owner, limit = BatchChunks }, cancellationToken: ct))).AsList();
    }

    private async Task<IReadOnlyList<string>> TextsAsync(IReadOnlyList<Work> work, CancellationToken ct)
    {
        var texts = new List<string>(work.Count);
        await using var connection = await database.OpenAsync(ct);
        foreach (var w in work)
        {
            if (_lastText.VersionNo != w.VersionNo)
            {
                // A version that was replaced meanwhile has no text to embed; its rows are gone too.
                string text = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition(
                    "SELECT text FROM document_versions WHERE no = @VersionNo", new { w.VersionNo }, cancellationToken: ct)) ?? "";
                _lastText = (w.VersionNo, text);
            }
            int end = (int)Math.Min(w.SpanEnd, _lastText.Text.Length);
            int start = (int)Math.Min(w.SpanStart, end);
            texts.Add(Chunk.SearchText(w.Title, w.HeadingPath, w.Context, _lastText.Text.AsSpan(start, end - start)));
        }
        return texts;
    }
}
