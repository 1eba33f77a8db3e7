using Microsoft.Extensions.Logging;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>
/// Provenance on this replica's disk while the record cannot take it: files of lines in <c>spool/</c>, each line a
/// checksum and a record as JSON. Bounded: the oldest file goes when there is no room. A process that is killed in the
/// middle of a line leaves one line whose checksum is wrong, which is skipped. Thread-safe.
/// </summary>
internal sealed class ProvenanceSpool(DataDirectory data, AnsweringOptions options, ILogger<ProvenanceSpool> log) : IDisposable
{
    private const int FileBytes = 4 * 1024 * 1024;
    private const string Pattern = "answers-*.jsonl";

    private sealed class SpoolFile(string path, long number)
    {
        public string Path => path;
        public long Number => number;
        public long Bytes { get; set; }
        public List<string> Ids { get; } = [];
    }

    private readonly string _directory = Path.Combine(data.Path, "spool");
    private readonly Lock _gate = new();
    private readonly LinkedList<SpoolFile> _files = [];
    private readonly Dictionary<string, (SpoolFile File, long Offset, int Length)> _places = [];
    private FileStream? _writing;
    private bool _opened;
    private long _dropped;

    /// <summary>Records that were given up because there was no room, since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Records that wait here.</summary>
    public int Count
    {
        get { lock (_gate) { Open(); return _places.Count; } }
    }

    public bool Contains(string id)
    {
        lock (_gate)
        {
            Open();
            return _places.ContainsKey(id);
        }
    }

    /// <summary>Appends; what there is no room for is counted and given up. Never throws for the disk's sake.</summary>
    public void Append(IReadOnlyList<AnswerRecord> records)
    {
        lock (_gate)
        {
            int before = _places.Count;
            try
            {
                Open();
                Write(records);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The disk is full: the oldest make room, once.
                bool room = DropOldest();
                try
                {
                    if (!room) throw;
                    Write(records);
                }
                catch (Exception again) when (again is IOException or UnauthorizedAccessException)
                {
                    Drop(records.Count(r => !_places.ContainsKey(r.Id)), again.Message);
                }
            }
            if (before == 0 && _places.Count > 0) log.Spooling(_directory);
        }
    }

    public AnswerRecord? Find(string id)
    {
        lock (_gate)
        {
            Open();
            if (!_places.TryGetValue(id, out var place)) return null;
            try
            {
                using var file = new FileStream(place.File.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                file.Position = place.Offset;
                byte[] line = new byte[place.Length];
                file.ReadExactly(line);
                return Parse(line);
            }
            catch (IOException)
            {
                // Somebody took the file away.
                return null;
            }
        }
    }

    /// <summary>The oldest records, in order, those of one file at most; nothing where the spool is empty.</summary>
    public IReadOnlyList<AnswerRecord> ReadOldest(int limit)
    {
        lock (_gate)
        {
            Open();
            if (_files.First?.Value is not { } file) return [];
            // What is being read is not written any more.
            if (_writing?.Name == file.Path) CloseWriting();
            var records = new List<AnswerRecord>();
            foreach (string id in file.Ids)
            {
                if (!_places.ContainsKey(id)) continue;
                if (records.Count == limit) break;
                if (Find(id) is { } record) records.Add(record);
                else _places.Remove(id);
            }
            if (records.Count == 0) Remove(file);
            return records;
        }
    }

    /// <summary>Forgets what is in the record now; a file goes when all of it is. Killed in between, it is read again, and writing it again changes nothing.</summary>
    public void Written(IReadOnlyList<AnswerRecord> records)
    {
        lock (_gate)
        {
            foreach (var record in records) _places.Remove(record.Id);
            if (_files.First?.Value is { } file && !file.Ids.Exists(_places.ContainsKey))
            {
                if (_writing?.Name == file.Path) CloseWriting();
                Remove(file);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate) CloseWriting();
    }

    private void Open()
    {
        if (_opened) return;
        _opened = true;
        if (!Directory.Exists(_directory)) return;
        foreach (string path in Directory.EnumerateFiles(_directory, Pattern).Order(StringComparer.Ordinal))
        {
            if (!long.TryParse(Path.GetFileNameWithoutExtension(path)["answers-".Length..], out long number)) continue;
            var file = new SpoolFile(path, number);
            byte[] bytes = File.ReadAllBytes(path);
            int broken = 0;
            for (int start = 0; start < bytes.Length;)
            {
                int end = Array.IndexOf(bytes, (byte)'\n', start);
                int length = (end < 0 ? bytes.Length : end) - start;
                if (Parse(bytes.AsSpan(start, length)) is { } record)
                {
                    file.Ids.Add(record.Id);
                    _places[record.Id] = (file, start, length);
                }
                else if (length > 0) broken++;
                start += length + 1;
            }
            file.Bytes = bytes.Length;
            if (broken > 0) log.SpoolBroken(path, broken);
            _files.AddLast(file);
        }
        if (_places.Count > 0) log.SpoolFound(_places.Count);
    }

    private void Write(IReadOnlyList<AnswerRecord> records)
    {
        foreach (var record in records)
        {
            if (_places.ContainsKey(record.Id)) continue;
            byte[] line = ChecksumLine.Of(record, AnsweringJson.Default.AnswerRecord);
            while (_files.Sum(f => f.Bytes) + line.Length > options.SpoolMb * 1024L * 1024 && DropOldest()) { }
            var file = FileFor(line.Length);
            long offset = file.Bytes;
            try
            {
                _writing!.Write(line);
                _writing.Flush();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What was written of the line has a wrong checksum, and nothing is appended behind it.
                file.Bytes = File.Exists(file.Path) ? new FileInfo(file.Path).Length : 0;
                CloseWriting();
                if (file.Ids.Count == 0) Remove(file);
                throw;
            }
            file.Bytes = offset + line.Length;
            file.Ids.Add(record.Id);
            _places[record.Id] = (file, offset, line.Length - 1);
        }
    }

    private SpoolFile FileFor(int bytes)
    {
        if (_writing is not null && _files.Last!.Value.Bytes + bytes <= FileBytes) return _files.Last.Value;
        CloseWriting();
        Directory.CreateDirectory(_directory);
        long number = (_files.Last?.Value.Number ?? 0) + 1;
        string path = Path.Combine(_directory, $"answers-{number:D10}.jsonl");
        // Unbuffered: what was appended is the system's when the call returns, whatever becomes of this process.
        _writing = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
        return _files.AddLast(new SpoolFile(path, number)).Value;
    }

    private bool DropOldest()
    {
        if (_files.First?.Value is not { } file) return false;
        if (_writing?.Name == file.Path) CloseWriting();
        int lost = file.Ids.Count(_places.ContainsKey);
        Remove(file);
        Drop(lost, "there is no room");
        return true;
    }

    private void Remove(SpoolFile file)
    {
        foreach (string id in file.Ids) _places.Remove(id);
        _files.Remove(file);
        File.Delete(file.Path);
    }

    private void Drop(int count, string reason)
    {
        if (count == 0) return;
        Interlocked.Add(ref _dropped, count);
        log.ProvenanceDropped(count, reason);
    }

    private void CloseWriting()
    {
        try
        {
            _writing?.Dispose();
        }
        catch (IOException)
        {
            // Nothing is buffered, so that nothing is lost by it.
        }
        _writing = null;
    }

    private static AnswerRecord? Parse(ReadOnlySpan<byte> line) => ChecksumLine.Read(line, AnsweringJson.Default.AnswerRecord);
}
