using System.Runtime.CompilerServices;
using Rag.Foundation;

namespace Rag.Ingestion;

/// <summary>Where a command finds files: a file, a folder with all below it, or an address on the web.</summary>
internal sealed class FileSource
{
    /// <summary>What is held in memory at once; the server has its own, lower bound and says so.</summary>
    private const long MaxBytes = 1_000_000_000;
    private static readonly TimeSpan DownloadLimit = TimeSpan.FromSeconds(60);

    private readonly IReadOnlyList<(string Uri, string Path)> _files;
    private readonly (string Uri, byte[] Content)? _download;

    private FileSource(IReadOnlyList<(string, string)> files, string? folder, (string, byte[])? download) =>
        (_files, Folder, _download) = (files, folder, download);

    public int Count => _files.Count + (_download is null ? 0 : 1);

    /// <summary>Name of the folder, with which the addresses of its files begin; null for a file or a web address.</summary>
    public string? Folder { get; }

    public IReadOnlySet<string> Uris => _files.Select(f => f.Uri).ToHashSet();

    public static async Task<FileSource> OpenAsync(string source, CancellationToken ct)
    {
        if (source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            return new([], null, (source, await DownloadAsync(source, ct)));
        if (File.Exists(source)) return new([(Path.GetFileName(source), source)], null, null);
        if (!Directory.Exists(source)) throw new RagException(ErrorKind.NotFound, $"There is no file or folder {source}.", "Check the path.");
        string root = Path.GetFullPath(source);
        string folder = Path.GetFileName(root.TrimEnd(Path.DirectorySeparatorChar));
        if (folder.Length == 0) folder = "root";
        var enumeration = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.System | FileAttributes.Hidden | FileAttributes.ReparsePoint };
        var files = Directory.EnumerateFiles(root, "*", enumeration)
            .Where(p => !Path.GetRelativePath(root, p).Split(Path.DirectorySeparatorChar).Any(s => s.StartsWith('.')))
            .Order(StringComparer.Ordinal)
            .Select(p => ($"{folder}/{Path.GetRelativePath(root, p).Replace(Path.DirectorySeparatorChar, '/')}", p)).ToList();
        return new(files, folder, null);
    }

    /// <summary>The files one after the other: the bytes, or why they could not be read.</summary>
    public async IAsyncEnumerable<(string Uri, byte[]? Content, string? Failure)> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        if (_download is { } download) yield return (download.Uri, download.Content, null);
        foreach (var (uri, path) in _files)
        {
            byte[]? content = null;
            string? failure = null;
            try
            {
                var info = new FileInfo(path);
                if (info.Length > MaxBytes) failure = $"the file has {info.Length / 1e6:0.#} MB; at most {MaxBytes / 1e6:0} MB are read. Split it.";
                else content = await File.ReadAllBytesAsync(path, ct);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failure = e.Message;
            }
            yield return (uri, content, failure);
        }
    }

    private static async Task<byte[]> DownloadAsync(string address, CancellationToken ct)
    {
        using var http = new HttpClient { Timeout = DownloadLimit, MaxResponseContentBufferSize = MaxBytes };
        http.DefaultRequestHeaders.UserAgent.ParseAdd("rag-system/0.1");
        try
        {
            return await http.GetByteArrayAsync(address, ct);
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException or InvalidOperationException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            throw new RagException(ErrorKind.Unavailable, $"{address} could not be fetched: {e.Message}", "Open the address in a browser to see whether it answers, or save the page and ingest the file.", e);
        }
    }
}
