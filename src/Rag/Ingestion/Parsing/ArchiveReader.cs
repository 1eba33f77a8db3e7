using System.IO.Compression;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// A file of an archive: its bytes, or why it was left out. Names of files in inner archives are joined to the inner
/// archive's name by "/".
/// </summary>
internal sealed record ArchiveEntry(string Name, ReadOnlyMemory<byte> Content, ParseException? Failure = null);

/// <summary>
/// The files of a ZIP archive one after the other, unpacked only when asked for, within bounds: entries, bytes of one
/// and of all, compression ratio, archives inside archives. A bad entry is reported and the rest go on.
/// </summary>
internal static class ArchiveReader
{
    public const int MaxDepth = 2;
    private const long MaxTotalBytes = 2_000_000_000;
    private const int MaxNameChars = 400;

    private sealed class Budget
    {
        public int Entries = ZipParts.MaxEntries;
        public long Bytes = MaxTotalBytes;
    }

    /// <exception cref="ParseException">broken, hostile: of the archive as a whole, thrown on enumeration.</exception>
    public static IEnumerable<ArchiveEntry> Read(byte[] archive, ParsingOptions options) => Read(archive, "", 1, options, new());

    private static IEnumerable<ArchiveEntry> Read(byte[] archive, string prefix, int depth, ParsingOptions options, Budget budget)
    {
        ZipParts.CheckEntryCount(archive);
        using var zip = Open(archive);
        foreach (var entry in zip.Entries)
        {
            if (entry.FullName.EndsWith('/') || entry.FullName.EndsWith('\\') || IsNoise(entry.FullName)) continue;
            if (--budget.Entries < 0) throw new ParseException("hostile", $"the archive holds more than {ZipParts.MaxEntries:N0} files. Split it.");
            string name = prefix + SafeName(entry.FullName);
            var (content, failure) = Unpack(entry, Math.Min(options.MaxFileBytes, budget.Bytes));
            budget.Bytes -= content.Length;
            if (budget.Bytes <= 0) throw new ParseException("hostile", $"the archive unpacks to more than {MaxTotalBytes / 1_000_000:N0} MB. Split it.");
            if (failure is not null || FileTypes.Detect(name, content).Format != FileFormat.Zip)
            {
                yield return new(name, content, failure);
                continue;
            }
            foreach (var inner in Inner(content, name, depth, options, budget)) yield return inner;
        }
    }

    private static IEnumerable<ArchiveEntry> Inner(byte[] archive, string name, int depth, ParsingOptions options, Budget budget)
    {
        if (depth >= MaxDepth)
        {
            yield return new(name, default, new("hostile", $"archives are read {MaxDepth} deep; this one lies deeper. Unpack it."));
            yield break;
        }
        using var entries = Read(archive, name + "/", depth + 1, options, budget).GetEnumerator();
        while (true)
        {
            ArchiveEntry next;
            try
            {
                if (!entries.MoveNext()) yield break;
                next = entries.Current;
            }
            catch (ParseException e) when (budget is { Entries: >= 0, Bytes: > 0 })
            {
                // Only the inner archive is bad.
                next = new(name, default, e);
            }
            yield return next;
            if (next.Failure is not null && next.Name == name) yield break;
        }
    }

    private static ZipArchive Open(byte[] archive)
    {
        try
        {
            var zip = new ZipArchive(new MemoryStream(archive, writable: false), ZipArchiveMode.Read);
            _ = zip.Entries.Count;
            return zip;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or ArgumentException)
        {
            throw new ParseException("broken", "the archive is damaged and cannot be unpacked. Pack it again.", e);
        }
    }

    private static (byte[] Content, ParseException? Failure) Unpack(ZipArchiveEntry entry, long maxBytes)
    {
        try
        {
            if (entry.Length > maxBytes) return ([], new("too_large", $"the file has {entry.Length / 1_000_000:N0} MB; at most {maxBytes / 1_000_000:N0} MB are read. Split it."));
            return (ZipParts.ReadEntry(entry, maxBytes), null);
        }
        catch (ParseException e)
        {
            return ([], e);
        }
    }

    /// <summary>What operating systems leave in archives beside the files.</summary>
    private static bool IsNoise(string name) =>
        name.StartsWith("__MACOSX/", StringComparison.Ordinal) || Path.GetFileName(name) is ".DS_Store" or "Thumbs.db" or "desktop.ini";

    /// <summary>A relative path without drive, "..", or control characters: safe to show and to join to a folder.</summary>
    public static string SafeName(string name)
    {
        var steps = ParsedTextBuilder.Clean(name).Replace('\\', '/').Replace('\n', ' ').Split('/', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(s => s is not ("." or "..") && !(s.Length == 2 && s[1] == ':'));
        string safe = string.Join('/', steps);
        if (safe.Length > MaxNameChars) safe = safe[^MaxNameChars..];
        return safe.Length > 0 ? safe : "unnamed";
    }
}
