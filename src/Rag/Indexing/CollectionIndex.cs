using System.Collections.Concurrent;
using System.Globalization;
using Lucene.Net.Analysis;
using Lucene.Net.Documents;
using Lucene.Net.Index;
using Lucene.Net.Store;
using Directory = System.IO.Directory;
using ReadScope = Rag.Access.ReadScope;

namespace Rag.Indexing;

/// <summary>
/// One collection's index in a directory of its own: full text and vector rows, committed together with the
/// change-log position that they reflect. Different documents may be put at the same time, everything else is done by one
/// caller at a time; read by any number through snapshots.
/// </summary>
internal sealed class CollectionIndex : IDisposable
{
    /// <summary>Changes when what is written changes; an index of another format is built anew.</summary>
    public const string Format = "2";

    private readonly FSDirectory _directory;
    private readonly IndexWriter _writer;
    private readonly Analyzer _analyzer;
    private readonly VectorFile _vectors;
    private readonly string _modelId;
    private readonly ConcurrentBag<ChunkFields> _fields = [];
    private IndexSnapshot _snapshot;
    private bool _erasurePending;
    private bool _stopped;
    private bool _uncommitted;

    private CollectionIndex(string path, string collectionId, string language, string modelId, int rowBytes, IndexState? state)
    {
        Path = path;
        CollectionId = collectionId;
        Language = language;
        _modelId = modelId;
        Directory.CreateDirectory(path);
        _directory = new MMapDirectory(System.IO.Path.Combine(path, "text"));
        _analyzer = Analyzers.For(language);
        var config = new IndexWriterConfig(Analyzers.Version, _analyzer)
        {
            OpenMode = state is null ? OpenMode.CREATE : OpenMode.APPEND,
            Similarity = IndexFields.Similarity,
            RAMBufferSizeMB = 64,
            // Deletions are merged away whenever asked to, however few they are: see EraseDeleted.
            MergePolicy = new TieredMergePolicy { ForceMergeDeletesPctAllowed = 0 },
        };
        _writer = new IndexWriter(_directory, config);
        try
        {
            _vectors = new VectorFile(System.IO.Path.Combine(path, "vectors.bin"), rowBytes, state?.Rows ?? 0);
        }
        catch
        {
            _writer.Rollback();
            throw;
        }
        if (state is null) Commit(0);
        _snapshot = new(DirectoryReader.Open(_writer, applyAllDeletes: true), _vectors.Map(), _analyzer, collectionId, state?.Position ?? 0);
        // A process that was killed between a commit and the erasure left rows that nothing refers to.
        for (int row = 0; row < _snapshot.RowToDoc.Length; row++)
            if (_snapshot.RowToDoc[row] < 0 && _snapshot.Rows.Row(row).ContainsAnyExcept((byte)0)) _vectors.Erase(row);
        _erasurePending = _snapshot.Reader.HasDeletions;
    }

    public string Path { get; }

    public string CollectionId { get; }

    public string Language { get; }

    /// <summary>Opens the index in a directory, or makes an empty one where there is none that can be used.</summary>
    /// <param name="fresh">True when it begins empty and must be filled from the record.</param>
    public static CollectionIndex Open(string path, string collectionId, string language, string modelId, int rowBytes, out bool fresh, out string? reason)
    {
        reason = null;
        var state = IndexState.Read(System.IO.Path.Combine(path, "text"), ref reason);
        if (state is not null && (state.Format != Format || state.Language != language || state.ModelId != modelId))
        {
            reason = $"it was built for format {state.Format}, language {state.Language}, model '{state.ModelId}'";
            state = null;
        }
        if (state is not null)
        {
            try
            {
                fresh = false;
                return new(path, collectionId, language, modelId, rowBytes, state);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or InvalidOperationException)
            {
                reason = e.Message;
            }
        }
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        fresh = true;
        return new(path, collectionId, language, modelId, rowBytes, null);
    }

    /// <summary>Position of the newest snapshot.</summary>
    public long Position => Volatile.Read(ref _snapshot).Position;

    /// <summary>Names the newest snapshot, as the scope sees it, by all that an answer depends on beside the question.</summary>
    public string StateOf(ReadScope scope) => Volatile.Read(ref _snapshot).StateOf(scope);

    public IndexSnapshot Acquire()
    {
        while (true)
        {
            var snapshot = Volatile.Read(ref _snapshot);
            if (snapshot.TryAcquire()) return snapshot;
        }
    }

    /// <summary>
    /// Writes a document in the place of what the index has of it; found from the next <see cref="Show"/> on, durable with
    /// the next <see cref="Commit()"/>. A crash in between costs nothing but doing it again from the committed position.
    /// </summary>
    public void Put(IndexDocument put)
    {
        var replaced = new Term(IndexFields.Document, put.DocumentId);
        if (put.Chunks.Count > 0) _writer.UpdateDocuments(replaced, Fields(put));
        else _writer.DeleteDocuments(replaced);
    }

    /// <summary>Removes a document; it is found until the next <see cref="Show"/>.</summary>
    public void Remove(string documentId)
    {
        _writer.DeleteDocuments(new Term(IndexFields.Document, documentId));
        _erasurePending = true;
    }

    /// <summary>Lets searches see what was written, which reflects the change log up to <paramref name="position"/>.</summary>
    public void Show(long position)
    {
        _uncommitted = true;
        Refresh(position);
    }

    /// <summary>Makes what was written durable, with the position that is shown; costs several disk flushes.</summary>
    public void Commit()
    {
        if (!_uncommitted) return;
        Commit(_snapshot.Position);
        _uncommitted = false;
    }

    /// <summary>Adds a document that the index does not have: for filling an empty one.</summary>
    public void Fill(IndexDocument put)
    {
        if (put.Chunks.Count > 0) _writer.AddDocuments(Fields(put));
    }

    /// <summary>
    /// Rewrites what still holds words of deleted documents. Costs a merge of the segments concerned, so the indexer
    /// calls it when it has nothing else to do.
    /// </summary>
    public void EraseDeleted()
    {
        if (!_erasurePending) return;
        _writer.ForceMergeDeletes(doWait: true);
        long position = _snapshot.Position;
        Commit(position);
        Refresh(position);
        _writer.DeleteUnusedFiles();
        _erasurePending = false;
    }

    /// <summary>Gives the files up to another writer; snapshots go on being read.</summary>
    public void StopWriting()
    {
        if (_stopped) return;
        _stopped = true;
        Commit();
        // A batch that was not applied to its end is done again from the committed position.
        _writer.Rollback();
        _vectors.Dispose();
    }

    public void Dispose()
    {
        StopWriting();
        _snapshot.Dispose();
        _directory.Dispose();
    }

    /// <summary>The chunks as the full-text index takes them, one at a time.</summary>
    private IEnumerable<IEnumerable<IIndexableField>> Fields(IndexDocument put)
    {
        if (!_fields.TryTake(out var fields)) fields = new();
        var first = put.Chunks[0].Chunk;
        var all = new List<IIndexableField>
        {
            fields.Text, fields.Stored, fields.Row, fields.VersionNo, fields.Ordinal,
            new StringField(IndexFields.Document, put.DocumentId, Field.Store.NO),
            new StringField(IndexFields.Fact, "media_type=" + first.MediaType, Field.Store.NO),
            new StringField(IndexFields.Fact, "uri=" + first.Uri, Field.Store.NO),
        };
        foreach (string term in put.Allowed) all.Add(new StringField(IndexFields.Allowed, term, Field.Store.NO));
        foreach (var (key, value) in put.Metadata)
            if (key.Length + value.Length < 1_000) all.Add(new StringField(IndexFields.Fact, $"{key}={value}", Field.Store.NO));
        foreach (var (chunk, vector) in put.Chunks)
        {
            fields.Set(chunk, vector is null ? -1 : _vectors.Append(vector));
            yield return all;
        }
        _fields.Add(fields);
    }

    /// <summary>
    /// Fields that are the same objects for each chunk, with other values, as the library advises: making them and their
    /// token streams anew costs as much as a short text does.
    /// </summary>
    private sealed class ChunkFields
    {
        public Field Text { get; } = new(IndexFields.Text, "", IndexFields.TextType);

        public StoredField Stored { get; } = new(IndexFields.Stored, [0]);

        public NumericDocValuesField Row { get; } = new(IndexFields.Row, 0);

        public NumericDocValuesField VersionNo { get; } = new(IndexFields.VersionNo, 0);

        public NumericDocValuesField Ordinal { get; } = new(IndexFields.Ordinal, 0);

        public void Set(IndexedChunk chunk, int row)
        {
            Text.SetStringValue(chunk.SearchText);
            Stored.SetBytesValue(chunk.ToBytes());
            Row.SetInt64Value(row + 1);
            VersionNo.SetInt64Value(chunk.VersionNo);
            Ordinal.SetInt64Value(chunk.Ordinal);
        }
    }

    private void Commit(long position)
    {
        _vectors.Flush();
        _writer.SetCommitData(new IndexState(Format, Language, _modelId, _vectors.Rows, position).ToCommitData());
        _writer.Commit();
    }

    private void Refresh(long position)
    {
        var old = _snapshot;
        var next = new IndexSnapshot(DirectoryReader.Open(_writer, applyAllDeletes: true), _vectors.Map(), _analyzer, CollectionId, position);
        for (int row = 0; row < old.RowToDoc.Length; row++)
            if (old.RowToDoc[row] >= 0 && next.RowToDoc[row] < 0) _vectors.Erase(row);
        Volatile.Write(ref _snapshot, next);
        old.Dispose();
    }
}

/// <summary>What a commit says of itself.</summary>
internal sealed record IndexState(string Format, string Language, string ModelId, int Rows, long Position)
{
    public Dictionary<string, string> ToCommitData() => new()
    {
        ["format"] = Format,
        ["language"] = Language,
        ["model"] = ModelId,
        ["rows"] = Rows.ToString(CultureInfo.InvariantCulture),
        ["position"] = Position.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>The state of the last commit in a directory; null, with the reason, where there is none to be read.</summary>
    public static IndexState? Read(string path, ref string? reason)
    {
        if (!Directory.Exists(path)) return null;
        try
        {
            using var directory = new MMapDirectory(path);
            if (!DirectoryReader.IndexExists(directory)) return null;
            var infos = new SegmentInfos();
            infos.Read(directory);
            var data = infos.UserData;
            return new(
                data["format"], data["language"], data["model"],
                int.Parse(data["rows"], CultureInfo.InvariantCulture), long.Parse(data["position"], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or KeyNotFoundException or FormatException or ArgumentException or InvalidOperationException)
        {
            reason = e.Message;
            return null;
        }
    }
}
