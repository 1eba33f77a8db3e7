using System.IO.Compression;
using System.Text.Json;
using Rag.Foundation;

namespace Rag.Security.Advisories;

/// <summary>What was read.</summary>
/// <param name="Unreadable">Files that are no advisories.</param>
/// <param name="AsOf">When the newest of them was changed; of a report without times, when the file was written.</param>
internal sealed record AdvisorySet(IReadOnlyList<Advisory> Advisories, int Unreadable, DateTimeOffset? AsOf);

/// <summary>Advisories from a file, a folder, an archive or a web server, each bounded.</summary>
internal sealed class AdvisorySource(SecurityOptions options) : IDisposable
{
    private const int MaxFiles = 200_000;
    private const long MaxFileBytes = 16_000_000, MaxArchiveBytes = 300_000_000;

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(5), MaxResponseContentBufferSize = MaxArchiveBytes };

    /// <exception cref="RagException">Unavailable: they cannot be read; the message says why.</exception>
    public async Task<AdvisorySet> ReadAsync(CancellationToken ct)
    {
        var source = options.Advisories;
        try
        {
            if (source.Url.Length > 0) return Of(Contents(source.Url, await _http.GetByteArrayAsync(source.Url, ct)), null);
            if (Directory.Exists(source.Path)) return Of(Folder(source.Path, ct), null);
            var file = new FileInfo(source.Path);
            if (file.Exists && file.Length > MaxArchiveBytes) throw new InvalidDataException($"it has {file.Length:N0} bytes, and at most {MaxArchiveBytes:N0} are read");
            return Of(Contents(source.Path, await File.ReadAllBytesAsync(source.Path, ct)), file.LastWriteTimeUtc);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException or InvalidDataException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new RagException(ErrorKind.Unavailable, $"The advisories at {(source.Url.Length > 0 ? source.Url : source.Path)} cannot be read: {e.Message}", "Put them there, or correct Security:Advisories.", e);
        }
    }

    public void Dispose() => _http.Dispose();

    private static AdvisorySet Of(IEnumerable<byte[]> files, DateTimeOffset? written)
    {
        var all = new List<Advisory>();
        int unreadable = 0;
        foreach (byte[] file in files)
        {
            try
            {
                all.AddRange(AdvisoryReader.Read(file));
            }
            catch (JsonException)
            {
                unreadable++;
            }
        }
        return new(all, unreadable, all.Max(a => a.ModifiedAt) ?? (all.Count > 0 ? written : null));
    }

    private static IEnumerable<byte[]> Folder(string path, CancellationToken ct)
    {
        int count = 0;
        foreach (string file in Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4 }).Where(f => f.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || f.EndsWith(".zip", StringComparison.OrdinalIgnoreCase)))
        {
            ct.ThrowIfCancellationRequested();
            if (++count > MaxFiles) throw new InvalidDataException($"there are more than {MaxFiles:N0} files");
            if (new FileInfo(file).Length > (file.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? MaxArchiveBytes : MaxFileBytes)) throw new InvalidDataException($"{Path.GetFileName(file)} is too large");
            foreach (byte[] content in Contents(file, File.ReadAllBytes(file))) yield return content;
        }
    }

    private static IEnumerable<byte[]> Contents(string name, byte[] content)
    {
        // By what it is, not by what it is called: "PK" begins an archive, and no JSON.
        if (content is not [(byte)'P', (byte)'K', ..])
        {
            yield return content;
            yield break;
        }
        using var archive = new ZipArchive(new MemoryStream(content), ZipArchiveMode.Read);
        if (archive.Entries.Count > MaxFiles) throw new InvalidDataException($"{name} holds more than {MaxFiles:N0} files");
        long read = 0;
        foreach (var entry in archive.Entries.Where(e => e.FullName.EndsWith(".json", StringComparison.OrdinalIgnoreCase)))
        {
            using var stream = entry.Open();
            using var buffer = new MemoryStream();
            byte[] block = new byte[64 * 1024];
            for (int n; (n = stream.Read(block)) > 0;)
            {
                buffer.Write(block, 0, n);
                if (buffer.Length > MaxFileBytes || (read += n) > MaxArchiveBytes * 10) throw new InvalidDataException($"{name} unpacks to more than is read");
            }
            yield return buffer.ToArray();
        }
    }
}
