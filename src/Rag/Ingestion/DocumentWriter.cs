using System.Data.Common;
using System.Text.Json;
using System.Threading.Channels;
using Dapper;
using Rag.Foundation;
using Rag.Ingestion.Parsing;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>A parsed and chunked document, ready to be recorded. <paramref name="Id"/> names an existing document to replace; null finds it by its address.</summary>
internal sealed record PreparedDocument(
    Collection Collection, string? Id, string Uri, string ContentHash, long SizeBytes, ParsedDocument Parsed, IReadOnlyList<Chunk> Chunks);

internal sealed record WrittenDocument(string Id, long Version, bool Created, long Seq);

/// <summary>
/// Records documents. Those that arrive together share a transaction, and each is acknowledged when its transaction
/// is on disk.
/// </summary>
internal sealed class DocumentWriter : IAsyncDisposable
{
    private const int MaxBatch = 128;
    private const long MaxBatchChars = 8_000_000;

    private sealed record Pending(PreparedDocument Document, TaskCompletionSource<WrittenDocument> Done);

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(MaxBatch);
    private readonly Database _database;
    private readonly ChangeLog _changes;
    private readonly TimeProvider _time;
    private readonly IngestionOptions _options;
    private readonly Task _loop;

    public DocumentWriter(Database database, ChangeLog changes, TimeProvider time, IngestionOptions options)
    {
        (_database, _changes, _time, _options) = (database, changes, time, options);
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Completes when the document is durable. Cancelling gives up the wait, not the write.</summary>
    public async Task<WrittenDocument> WriteAsync(PreparedDocument document, CancellationToken ct)
    {
        var pending = new Pending(document, new(TaskCreationOptions.RunContinuationsAsynchronously));
        await _queue.Writer.WriteAsync(pending, ct);
        return await pending.Done.Task.WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task LoopAsync()
    {
        var batch = new List<Pending>(MaxBatch);
        while (await _queue.Reader.WaitToReadAsync())
        {
            long chars = 0;
            while (batch.Count < MaxBatch && chars < MaxBatchChars && _queue.Reader.TryRead(out var pending))
            {
                batch.Add(pending);
                chars += pending.Document.Parsed.Text.Length;
            }
            await WriteBatchAsync(batch);
            batch.Clear();
        }
    }

    private async Task WriteBatchAsync(List<Pending> batch)
    {
        try
        {
            var written = await _database.WriteAsync(async tx =>
            {
                var results = new List<WrittenDocument>(batch.Count);
                foreach (var pending in batch) results.Add(await WriteOneAsync(tx, pending.Document));
                return results;
            }, CancellationToken.None);
            _changes.Announce();
            for (int i = 0; i < batch.Count; i++) batch[i].Done.TrySetResult(written[i]);
        }
        catch (Exception) when (batch.Count > 1)
        {
            // One bad document must not take the others down with it: each gets a transaction of its own.
            foreach (var pending in batch.ToList()) await WriteBatchAsync([pending]);
        }
        catch (Exception e)
        {
            batch[0].Done.TrySetException(e);
        }
    }

    private async Task<WrittenDocument> WriteOneAsync(DbTransaction tx, PreparedDocument document)
    {
        var connection = tx.Connection!;
        long now = _time.Microseconds();
        var parsed = document.Parsed;
        string metadata = JsonSerializer.Serialize(new Dictionary<string, string>(parsed.Metadata), MetadataJson.Default.DictionaryStringString);
        var row = await connection.QuerySingleAsync<(string Id, long Version, long OldVersionNo)>(
            """
            INSERT INTO documents (id, collection_id, uri, title, media_type, version, version_no, content_hash, size_bytes, text_chars, chunk_count, metadata, created_at, updated_at)
            VALUES (@id, @collectionId, @uri, @title, @mediaType, 1, 0, @hash, @size, @chars, @chunks, @metadata, @now, @now)
            ON CONFLICT (collection_id, uri) DO UPDATE SET title = @title, media_type = @mediaType, version = documents.version + 1,
              content_hash = @hash, size_bytes = @size, text_chars = @chars, chunk_count = @chunks, metadata = @metadata, updated_at = @now
            RETURNING id, version, version_no
            """,
            new
            {
                id = document.Id ?? Ids.New(_time),
                collectionId = document.Collection.Id,
                uri = document.Uri,
                title = parsed.Title,
                mediaType = parsed.MediaType,
                hash = document.ContentHash,
                size = document.SizeBytes,
                chars = parsed.Text.Length,
                chunks = document.Chunks.Count,
                metadata,
                now,
            }, tx);
        long versionNo = await connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO document_versions (document_id, version, title, content_hash, size_bytes, text, created_at)
            VALUES (@Id, @Version, @Title, @ContentHash, @SizeBytes, @Text, @now) RETURNING no
            """, new { row.Id, row.Version, parsed.Title, document.ContentHash, document.SizeBytes, parsed.Text, now }, tx);
        await connection.ExecuteAsync("UPDATE documents SET version_no = @versionNo WHERE id = @Id", new { versionNo, row.Id }, tx);
        var vectors = row.OldVersionNo > 0 ? await TakeVectorsAsync(tx, row.OldVersionNo) : [];
        await connection.ExecuteAsync(
            """
            INSERT INTO chunks (version_no, ordinal, span_start, span_end, page, heading_path, context, hash, units, model, vector)
            VALUES (@versionNo, @Ordinal, @Start, @End, @Page, @HeadingPath, @Context, @Hash, @units, @model, @vector)
            """,
            document.Chunks.Select(c =>
            {
                var (model, vector) = vectors.GetValueOrDefault(c.Hash);
                return new { versionNo, c.Ordinal, c.Start, c.End, c.Page, c.HeadingPath, c.Context, c.Hash, units = UnitCodec.Encode(c.Units, c.Start), model, vector };
            }), tx);
        if (row.Version > _options.KeepVersions)
            await connection.ExecuteAsync("DELETE FROM document_versions WHERE document_id = @Id AND version <= @last", new { row.Id, last = row.Version - _options.KeepVersions }, tx);
        long seq = await _changes.AppendAsync(tx, ChangeKind.DocumentPut, document.Collection.Id, row.Id, row.Version);
        return new(row.Id, row.Version, row.Version == 1, seq);
    }

    /// <summary>Takes the previous version's chunks away; the vectors of those whose text stays are used again.</summary>
    private static async Task<Dictionary<string, (string? Model, byte[]? Vector)>> TakeVectorsAsync(DbTransaction tx, long versionNo)
    {
        var rows = await tx.Connection!.QueryAsync<(string Hash, string? Model, byte[]? Vector)>(
            "DELETE FROM chunks WHERE version_no = @versionNo RETURNING hash, model, vector", new { versionNo }, tx);
        var vectors = new Dictionary<string, (string?, byte[]?)>();
        foreach (var (hash, model, vector) in rows) vectors[hash] = (model, vector);
        return vectors;
    }
}
