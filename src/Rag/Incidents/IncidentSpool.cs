using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>
/// What waits for the record on this replica's disk: <c>incidents/spool.jsonl</c>, each line a checksum and JSON. What was
/// appended is on disk when the call returns. Bounded: what there is no room for is refused. A line that a kill cut short has
/// a wrong checksum and is skipped; it was never acknowledged. Not thread-safe: <see cref="InterimIncidents"/> takes turns.
/// </summary>
internal sealed class IncidentSpool(DataDirectory data, IncidentsOptions options, ILogger<IncidentSpool> log)
{
    private readonly string _path = Path.Combine(data.Path, "incidents", "spool.jsonl");
    private Dictionary<string, SpoolLine>? _lines;

    public IReadOnlyCollection<SpoolLine> Lines => Opened().Values;

    /// <exception cref="RagException">StorageFull: there is no room, and nothing was written.</exception>
    public void Append(IReadOnlyList<SpoolLine> lines)
    {
        var opened = Opened();
        var added = lines.Where(l => !opened.ContainsKey(l.Id)).DistinctBy(l => l.Id).ToList();
        if (added.Count == 0) return;
        byte[] bytes = [.. added.SelectMany(Bytes)];
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            using var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            long end = file.Length;
            if (end + bytes.Length > options.SpoolMb * 1024L * 1024) throw Full(null);
            file.Position = end;
            try
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            catch (IOException)
            {
                file.SetLength(end);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Full(e);
        }
        if (opened.Count == 0) log.IncidentsSpooled(_path);
        foreach (var line in added) opened[line.Id] = line;
    }

    /// <summary>Forgets what the record has now. Killed in between, it is read again, and writing it again changes nothing.</summary>
    public void Remove(IReadOnlyCollection<string> ids)
    {
        var opened = Opened();
        int before = opened.Count;
        foreach (string id in ids) opened.Remove(id);
        if (opened.Count == before) return;
        if (opened.Count == 0)
        {
            File.Delete(_path);
            return;
        }
        string next = _path + ".next";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            file.Write([.. opened.Values.SelectMany(Bytes)]);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, _path, overwrite: true);
    }

    private Dictionary<string, SpoolLine> Opened()
    {
        if (_lines is not null) return _lines;
        var lines = new Dictionary<string, SpoolLine>();
        int broken = 0;
        if (File.Exists(_path))
        {
            byte[] bytes = File.ReadAllBytes(_path);
            for (int start = 0; start < bytes.Length;)
            {
                int end = Array.IndexOf(bytes, (byte)'\n', start);
                int length = (end < 0 ? bytes.Length : end) - start;
                if (Parse(bytes.AsSpan(start, length)) is { } line) lines[line.Id] = line;
                else if (length > 0) broken++;
                start += length + 1;
            }
            // The next line must not be glued to one that was cut short.
            if (bytes.Length > 0 && bytes[^1] != (byte)'\n') File.AppendAllText(_path, "\n");
        }
        if (broken > 0) log.IncidentSpoolBroken(_path, broken);
        return _lines = lines;
    }

    private static byte[] Bytes(SpoolLine line) => ChecksumLine.Of(line, IncidentEventJson.Default.SpoolLine);

    private static SpoolLine? Parse(ReadOnlySpan<byte> line) => ChecksumLine.Read(line, IncidentEventJson.Default.SpoolLine);

    private RagException Full(Exception? inner) => new(
        ErrorKind.StorageFull, "The record is away, and there is no room to keep incidents on this replica meanwhile.", $"Free space in {Path.GetDirectoryName(_path)}, or raise Incidents:SpoolMb; Alertmanager sends its alerts again.", inner);
}
