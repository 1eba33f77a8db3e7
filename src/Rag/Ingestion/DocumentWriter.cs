using System.Data.Common;
using System.Text.Json;
using System.Threading.Channels;
using Dapper;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Ingestion.Parsing;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>A parsed and chunked document, ready to be recorded. <paramref name="Id"/> names an existing document to replace; null finds it by its address.</summary>
/// <param name="Key">Names the request, which may be sent again; null where nothing does.</param>
/// <param name="Groups">What to limit it to; null leaves that as it is, and a new document to everybody.</param>
/// <param name="By">Who sent it: the writer works for all senders at once, in no one's flow.</param>
internal sealed record PreparedDocument(
    Collection Collection, string? Id, string Uri, string ContentHash, long SizeBytes, ParsedDocument Parsed, IReadOnlyList<Chunk> Chunks, string? Key, IReadOnlyList<string>? Groups, Caller By);

/// <param name="Seq">Position in the change log; null where the record had this content already and nothing was written.</param>
internal sealed record WrittenDocument(string Id, long Version, long? Seq);

/// <summary>
/// Records documents. Those that arrive together share a transaction, and each is acknowledged when its transaction
/// is on disk. Sent again, whatever became of the first time and of other writes since, a document with an
/// Idempotency-Key is not written again; one without is not if it still is what the record holds.
/// </summary>
internal sealed class DocumentWriter : IAsyncDisposable
{
    private const int MaxBatch = 128;
    private const long MaxBatchChars = 8_000_000;

    private sealed record Pending(PreparedDocument Document, TaskCompletionSource<WrittenDocument> Done);

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(MaxBatch);
    private readonly Database _database;
    private readonly ChangeLog _changes;
    private readonly IdempotencyKeys _keys;
    private readonly AuditTrail _audit;
    private readonly TimeProvider _time;
    private readonly IngestionOptions _options;
    private readonly Task _loop;

    public DocumentWriter(Database database, ChangeLog changes, IdempotencyKeys keys, AuditTrail audit, TimeProvider time, IngestionOptions options)
    {
        (_database, _changes, _keys, _audit, _time, _options) = (database, changes, keys, audit, time, options);
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
        Exception? failure = await TryWriteAsync(batch);
        // One bad document must not take the others down with it: each gets a transaction of its own. Where the record
        // itself fails, none would fare better; and where it may have committed, none may be written a second time.
        bool apart = failure is not null && batch.Count > 1 && failure is not RagException { Kind: ErrorKind.StorageFull or ErrorKind.ReadOnly } and not RagException { InnerException: DatabaseLostException };
        if (apart) failure = null;
        foreach (var pending in batch)
        {
            if (apart && failure is null && await TryWriteAsync([pending]) is { } own)
            {
                pending.Done.TrySetException(own);
                // What keeps one out for now keeps the rest out too; they do not each wait to find out.
                if (own is RagException { Kind: ErrorKind.StorageFull or ErrorKind.Unavailable or ErrorKind.ReadOnly }) failure = own;
            }
            if (failure is not null) pending.Done.TrySetException(failure);
        }
    }

    /// <summary>Writes all of them in one transaction; the reason when it wrote none.</summary>
    private async Task<Exception?> TryWriteAsync(List<Pending> batch)
    {
        try
        {
            var written = await _database.WriteAsync(tx => WriteAllAsync(tx, batch.ConvertAll(p => p.Document)), CancellationToken.None);
            _changes.Announce();
            for (int i = 0; i < batch.Count; i++) batch[i].Done.TrySetResult(written[i]);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task<WrittenDocument[]> WriteAllAsync(DbTransaction tx, List<PreparedDocument> batch)
    {
        var earlier = await _keys.ClaimAsync(tx, batch);
        if (_database.Shared && batch.Count > 1) await LockAsync(tx, batch);
        var written = new WrittenDocument[batch.Count];
        var changed = new List<(int Place, string Kind)>(batch.Count);
        var chunks = new ChunkRows(_database, tx);
        for (int i = 0; i < batch.Count; i++)
        {
            if (earlier[i] is { } document) written[i] = document;
            else if (await WriteOneAsync(tx, batch[i], chunks) is { } version)
            {
                written[i] = new(version.Id, version.Version, Seq: null);
                changed.Add((i, version.Permitted ? ChangeKind.DocumentPermitted : ChangeKind.DocumentPut));
            }
            else written[i] = await PresentAsync(tx, batch[i]);
        }
        await chunks.FlushAsync();
        await RecordAsync(tx, changed.ConvertAll(c => (batch[c.Place], written[c.Place])));
        var seqs = await _changes.AppendAsync(tx, changed.ConvertAll(c => new NewChange(c.Kind, batch[c.Place].Collection.Id, written[c.Place].Id, written[c.Place].Version)));
        for (int c = 0; c < changed.Count; c++) written[changed[c].Place] = written[changed[c].Place] with { Seq = seqs[c] };
        await _keys.KeepAsync(tx, batch, written);
        return written;
    }

    /// <summary>One record for what one actor put into one collection; a batch is at most <see cref="MaxBatch"/> documents.</summary>
    private Task RecordAsync(DbTransaction tx, List<(PreparedDocument Document, WrittenDocument Written)> changed) => changed.Count == 0 ? Task.CompletedTask : _audit.AppendManyAsync(
        tx, [.. changed.GroupBy(c => (c.Document.By.Kind, c.Document.By.Id, c.Document.By.Address, c.Document.Collection.Id)).Select(g => new AuditEntry(
            new(AuditCategory.DataChange, "documents.put", "collection:" + g.First().Document.Collection.Name, new Dictionary<string, string>
            {
                ["collection"] = g.Key.Item4,
                ["documents"] = string.Join(' ', g.Select(c => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{c.Written.Id}/{c.Written.Version}"))),
            }), g.First().Document.By))]);

    private static async Task<WrittenDocument> PresentAsync(DbTransaction tx, PreparedDocument document)
    {
        var (id, version) = await tx.Connection!.QuerySingleAsync<(string, long)>(
            "SELECT id, version FROM documents WHERE collection_id = @Id AND uri = @Uri", new { document.Collection.Id, document.Uri }, tx);
        return new(id, version, Seq: null);
    }

    /// <summary>Whoever writes several documents takes them in the same order, so that two writers never wait for each other.</summary>
    private async Task LockAsync(DbTransaction tx, List<PreparedDocument> batch)
    {
        foreach (var collection in batch.GroupBy(d => d.Collection.Id).OrderBy(g => g.Key, StringComparer.Ordinal))
            await tx.Connection!.ExecuteAsync(
                $"SELECT id FROM documents WHERE collection_id = @Key AND uri = ANY(@uris) ORDER BY uri {_database.Dialect.LockRows}",
                new { collection.Key, uris = collection.Select(d => d.Uri).Distinct().ToArray() }, tx);
    }

    private sealed record Present(string Id, long Version, string? Groups);

    /// <summary>
    /// Sees, with the document locked, that its sender may see what is replaced, and limits it to other groups where they were
    /// given; whoever sees everything and gives no groups costs nothing here.
    /// </summary>
    /// <returns>What the record has of it, and whether its groups are others now.</returns>
    private async Task<(Present? Present, bool Permitted)> PermitAsync(DbTransaction tx, PreparedDocument document)
    {
        if (document.Groups is null && document.By.Scope.Groups is null) return (null, false);
        // What the audit record says of it, the sender did.
        Actor.Become(document.By);
        var present = await tx.Connection!.QuerySingleOrDefaultAsync<Present>(
            $"SELECT id AS Id, version AS Version, groups AS Groups FROM documents WHERE collection_id = @Id AND uri = @Uri {_database.Dialect.LockRows}", new { document.Collection.Id, document.Uri }, tx);
        if (present is null) return (null, false);
        var before = DocumentGroups.Parse(present.Groups);
        if (!document.By.Scope.Shows(before)) throw Ingestor.Hidden(document.Uri);
        if (document.Groups is not { } groups || groups.SequenceEqual(before)) return (present, false);
        await tx.Connection!.ExecuteAsync("UPDATE documents SET groups = @groups WHERE id = @Id", new { present.Id, groups = DocumentGroups.ToJson(groups) }, tx);
        await _audit.AppendAsync(tx, DocumentRecord.Permitted(present.Id, document.Collection.Name, before, groups));
        return (present, true);
    }

    /// <returns>The new version; null where the record holds this content already, which only now, with the document locked, is certain.</returns>
    private async Task<(string Id, long Version, bool Permitted)?> WriteOneAsync(DbTransaction tx, PreparedDocument document, ChunkRows chunks)
    {
        var connection = tx.Connection!;
        long now = _time.Microseconds();
        var (present, permitted) = await PermitAsync(tx, document);
        var parsed = document.Parsed;
        string metadata = JsonSerializer.Serialize(new Dictionary<string, string>(parsed.Metadata), MetadataJson.Default.DictionaryStringString);
        if (await connection.QuerySingleOrDefaultAsync<(string Id, long Version, long OldVersionNo)?>(
            """
            INSERT INTO documents (id, collection_id, uri, title, media_type, version, version_no, content_hash, size_bytes, text_chars, chunk_count, metadata, groups, created_at, updated_at)
            VALUES (@id, @collectionId, @uri, @title, @mediaType, 1, 0, @hash, @size, @chars, @chunks, @metadata, @groups, @now, @now)
            ON CONFLICT (collection_id, uri) DO UPDATE SET title = @title, media_type = @mediaType, version = documents.version + 1,
              content_hash = @hash, size_bytes = @size, text_chars = @chars, chunk_count = @chunks, metadata = @metadata, updated_at = @now
              WHERE documents.content_hash <> @hash
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
                groups = DocumentGroups.ToJson(document.Groups ?? []),
                now,
            }, tx) is not { } row) return permitted ? (present!.Id, present.Version, true) : null;
        if (row.OldVersionNo > 0 && present is null && document is not { Groups: null, By.Scope.Groups: null })
            throw new RagException(ErrorKind.Conflict, $"Somebody else has just put '{document.Uri}' in.", "Send it again.");
        long versionNo = await connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO document_versions (document_id, version, title, content_hash, size_bytes, text, created_at)
            VALUES (@Id, @Version, @Title, @ContentHash, @SizeBytes, @Text, @now) RETURNING no
            """, new { row.Id, row.Version, parsed.Title, document.ContentHash, document.SizeBytes, parsed.Text, now }, tx);
        await connection.ExecuteAsync("UPDATE documents SET version_no = @versionNo WHERE id = @Id", new { versionNo, row.Id }, tx);
        var vectors = row.OldVersionNo > 0 ? await TakeVectorsAsync(tx, row.OldVersionNo, chunks) : [];
        foreach (var c in document.Chunks)
        {
            var (model, vector) = vectors.GetValueOrDefault(c.Hash);
            chunks.Add(versionNo, [versionNo, (long)c.Ordinal, (long)c.Start, (long)c.End, (long?)c.Page, c.HeadingPath, c.Context, c.Hash, UnitCodec.Encode(c.Units, c.Start), model, vector]);
        }
        if (row.Version > _options.KeepVersions)
            await connection.ExecuteAsync("DELETE FROM document_versions WHERE document_id = @Id AND version <= @last", new { row.Id, last = row.Version - _options.KeepVersions }, tx);
        return (row.Id, row.Version, permitted);
    }

    /// <summary>Takes the previous version's chunks away; the vectors of those whose text stays are used again.</summary>
    private static async Task<Dictionary<string, (string? Model, byte[]? Vector)>> TakeVectorsAsync(DbTransaction tx, long versionNo, ChunkRows chunks)
    {
        // The same document twice in one batch: its first chunks must be there to be taken away.
        if (chunks.Holds(versionNo)) await chunks.FlushAsync();
        var rows = await tx.Connection!.QueryAsync<(string Hash, string? Model, byte[]? Vector)>(
            "DELETE FROM chunks WHERE version_no = @versionNo RETURNING hash, model, vector", new { versionNo }, tx);
        var vectors = new Dictionary<string, (string?, byte[]?)>();
        foreach (var (hash, model, vector) in rows) vectors[hash] = (model, vector);
        return vectors;
    }

    /// <summary>Chunks of the documents of one transaction, inserted together.</summary>
    private sealed class ChunkRows(Database database, DbTransaction tx)
    {
        private static readonly string[] Columns = ["version_no", "ordinal", "span_start", "span_end", "page", "heading_path", "context", "hash", "units", "model", "vector"];

        private readonly List<object?[]> _rows = [];
        private readonly HashSet<long> _versions = [];

        public bool Holds(long versionNo) => _versions.Contains(versionNo);

        public void Add(long versionNo, object?[] row)
        {
            _versions.Add(versionNo);
            _rows.Add(row);
        }

        public async Task FlushAsync()
        {
            await database.InsertAsync(tx, "chunks", Columns, _rows);
            _rows.Clear();
            _versions.Clear();
        }
    }
}
