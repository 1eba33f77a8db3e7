using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>
/// Makes the vectors of chunks that have none and stores them in the record, once for all replicas; a document
/// whose chunks are all done is announced in the change log. Until then it is found by its words.
/// </summary>
internal sealed class EmbeddingWorker(Database database, ChangeLog changes, Embedder embedder, TimeProvider time, ILogger<EmbeddingWorker> log) : BackgroundService
{
    private const int BatchChunks = 128;
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    private sealed record Work(long VersionNo, long Ordinal, string DocumentId, string CollectionId, long Version, string Title, string HeadingPath, string Context, long SpanStart, long SpanEnd);

    /// <summary>The text that the last batch ended in: the next one mostly goes on in the same document.</summary>
    private (long VersionNo, string Text) _lastText = (0, "");

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (embedder.ModelId is not { } model) return;
        bool checkedModel = false;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var announced = changes.NextAnnouncement;
                if (!checkedModel) await ForgetOtherModelsAsync(model, stop);
                checkedModel = true;
                if (await EmbedNextAsync(model, stop)) continue;
                _lastText = (0, "");
                await announced.WaitAsync(PollInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                log.EmbeddingFailed(e.Message, RetryDelay.TotalSeconds);
                await Task.Delay(RetryDelay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static byte[] Row(float[] vector)
    {
        var row = new byte[QuantizedVector.RowBytes(vector.Length)];
        QuantizedVector.Write(vector, row);
        return row;
    }

    private async Task ForgetOtherModelsAsync(string model, CancellationToken ct)
    {
        int chunks = await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "UPDATE chunks SET vector = NULL, model = NULL WHERE model <> @model", new { model }, tx), ct);
        if (chunks > 0) log.ModelChanged(chunks, model);
    }

    private async Task<bool> EmbedNextAsync(string model, CancellationToken ct)
    {
        var work = await NextAsync(ct);
        if (work.Count == 0) return false;
        var texts = await TextsAsync(work, ct);
        var vectors = await embedder.EmbedAsync(texts, ct);
        bool finished = await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync(
                "UPDATE chunks SET vector = @vector, model = @model WHERE version_no = @VersionNo AND ordinal = @Ordinal",
                work.Select((w, i) => new { w.VersionNo, w.Ordinal, vector = Row(vectors[i]), model }), tx);
            bool any = false;
            foreach (var document in work.GroupBy(w => w.VersionNo))
            {
                bool more = await tx.Connection!.ExecuteScalarAsync<bool>(
                    "SELECT EXISTS (SELECT 1 FROM chunks WHERE version_no = @Key AND vector IS NULL)", new { document.Key }, tx);
                bool current = await tx.Connection!.ExecuteScalarAsync<bool>(
                    "SELECT EXISTS (SELECT 1 FROM documents WHERE version_no = @Key)", new { document.Key }, tx);
                if (more || !current) continue;
                var first = document.First();
                await changes.AppendAsync(tx, ChangeKind.DocumentEmbedded, first.CollectionId, first.DocumentId, first.Version);
                any = true;
            }
            return any;
        }, ct);
        if (finished) changes.Announce();
        return true;
    }

    private async Task<IReadOnlyList<Work>> NextAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<Work>(new CommandDefinition(
            """
            SELECT c.version_no AS VersionNo, c.ordinal AS Ordinal, d.id AS DocumentId, d.collection_id AS CollectionId, d.version AS Version,
                   d.title AS Title, c.heading_path AS HeadingPath, c.context AS Context, c.span_start AS SpanStart, c.span_end AS SpanEnd
            FROM chunks c JOIN documents d ON d.version_no = c.version_no
            WHERE c.vector IS NULL ORDER BY c.version_no, c.ordinal LIMIT @limit
            """, new { limit = BatchChunks }, cancellationToken: ct))).AsList();
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
