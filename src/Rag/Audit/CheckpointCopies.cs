using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>A line of a file of checkpoints.</summary>
internal sealed record CheckpointLine(long Size, string Note);

/// <summary>
/// Checkpoints out of reach of whoever owns the record: a folder of files that are only appended to, one for each month, and
/// where one is named a witness that gets each by HTTP.
/// </summary>
internal sealed class CheckpointCopies(AuditOptions options, DataDirectory data, TimeProvider time, ILogger<CheckpointCopies> log) : IDisposable
{
    private const string Prefix = "checkpoints-", Suffix = ".jsonl", Latest = "latest.note";
    private const int TailBytes = 256 * 1024;
    private const int MaxLineChars = 2 * Checkpoint.MaxNoteChars;
    private static readonly TimeSpan WitnessLimit = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http = new() { Timeout = WitnessLimit };
    private string? _trouble;

    public string Directory => options.Checkpoints.Directory.Length > 0 ? Path.GetFullPath(options.Checkpoints.Directory) : Path.Combine(Path.GetFullPath(data.Path), "audit", "checkpoints");

    /// <summary>Why the last copy was not made; null where it was.</summary>
    public string? Trouble => _trouble;

    /// <summary>Puts them everywhere they belong, in order; none of them where the folder or the witness does not take the last.</summary>
    public async Task<bool> CopyAsync(IReadOnlyList<CheckpointLine> notes, CancellationToken ct)
    {
        try
        {
            Append(notes);
            if (options.Checkpoints.Url.Length > 0 && notes.Count > 0) await SendAsync(notes[^1].Note, ct);
            _trouble = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            if (_trouble is null) log.CheckpointNotCopied(e.Message);
            _trouble = e.Message;
            return false;
        }
    }

    /// <summary>Whether the newest is this one, and the folder takes more.</summary>
    public bool Holds(CheckpointLine newest)
    {
        try
        {
            using var file = Open();
            return ReadBack(newest) is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_trouble is null) log.CheckpointNotCopied(e.Message);
            _trouble = e.Message;
            return false;
        }
    }

    /// <summary>The notes in a folder of such files, in their order. A line that was cut short is left out.</summary>
    /// <exception cref="RagException">NotFound: there is no such folder.</exception>
    public static IEnumerable<string> Read(string directory)
    {
        if (!System.IO.Directory.Exists(directory)) throw new RagException(ErrorKind.NotFound, $"There is no folder {directory}.", "Name the folder that Audit:Checkpoints:Directory names.");
        foreach (string path in Files(directory))
            foreach (string line in File.ReadLines(path))
                if (line.Length <= MaxLineChars && Parse(line) is { } parsed) yield return parsed.Note;
    }

    /// <summary>The last note of the folder; null where there is none.</summary>
    public string? ReadLatest()
    {
        try
        {
            return System.IO.Directory.Exists(Directory) ? Files(Directory).Reverse().SelectMany(Tail).Select(Parse).FirstOrDefault(l => l is not null)?.Note : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    private void Append(IReadOnlyList<CheckpointLine> notes)
    {
        using (var file = Open())
        {
            var text = new StringBuilder();
            // A line that a kill cut short must not take the next one with it.
            if (file.Length > 0) text.Append(EndsWhole(file.Name) ? "" : "\n");
            foreach (var note in notes.Where(n => ReadBack(n) is null)) text.Append(JsonSerializer.Serialize(note, AuditJson.Default.CheckpointLine)).Append('\n');
            if (text.Length > 0) file.Write(Encoding.UTF8.GetBytes(text.ToString()));
            file.Flush(flushToDisk: true);
        }
        if (notes.Count == 0) return;
        // Beside them the newest as it is, for tools that know notes and not our files.
        string latest = Path.Combine(Directory, Latest);
        File.WriteAllText(latest + ".next", notes[^1].Note);
        File.Move(latest + ".next", latest, overwrite: true);
    }

    private FileStream Open()
    {
        System.IO.Directory.CreateDirectory(Directory);
        return new(Path.Combine(Directory, Prefix + time.GetUtcNow().ToString("yyyy-MM", CultureInfo.InvariantCulture) + Suffix), FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
    }

    /// <summary>A copy that was made and could not be noted is not made again.</summary>
    private CheckpointLine? ReadBack(CheckpointLine note) => Files(Directory).Reverse().Take(2).SelectMany(Tail).Select(Parse).FirstOrDefault(l => l == note);

    /// <summary>The last lines of a file, the last first.</summary>
    private static IEnumerable<string> Tail(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Seek(-Math.Min(file.Length, TailBytes), SeekOrigin.End);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Split('\n').Reverse();
    }

    private async Task SendAsync(string note, CancellationToken ct)
    {
        using var content = new StringContent(note, Encoding.UTF8);
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain") { CharSet = "utf-8" };
        using var response = await _http.PostAsync(options.Checkpoints.Url, content, ct);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"the witness answers {(int)response.StatusCode}");
    }

    private static IEnumerable<string> Files(string directory) => System.IO.Directory.EnumerateFiles(directory, Prefix + "*" + Suffix).Order(StringComparer.Ordinal);

    private static bool EndsWhole(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() == '\n';
    }

    private static CheckpointLine? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, AuditJson.Default.CheckpointLine) is { Note: not null } parsed ? parsed : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
