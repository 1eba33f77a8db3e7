using System.IO.Compression;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// The parts of a zip container, read within bounds: number of entries, unpacked bytes per entry and in all, and
/// compression ratio. Sizes that the container declares are never trusted; what is counted is what is unpacked.
/// </summary>
internal sealed class ZipParts
{
    public const int MaxEntries = 10_000;
    private const int MaxPartBytes = 256 * 1024 * 1024;
    private const long MaxTotalBytes = 512L * 1024 * 1024;
    // Deflate cannot do better than 1,032 : 1; office parts of any size stay below 100 : 1.
    private const int MaxRatio = 200;
    private const int RatioCheckedFromBytes = 8 * 1024 * 1024;

    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.OrdinalIgnoreCase);
    private long _unpacked;

    private ZipParts(ZipArchive archive)
    {
        foreach (var entry in archive.Entries) _entries.TryAdd(entry.FullName.Replace('\\', '/').TrimStart('/'), entry);
    }

    public IEnumerable<string> Names => _entries.Keys;

    /// <exception cref="ParseException">broken, hostile.</exception>
    public static ZipParts Open(byte[] content)
    {
        CheckEntryCount(content);
        try
        {
            return new(new ZipArchive(new MemoryStream(content, writable: false), ZipArchiveMode.Read));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or ArgumentException)
        {
            throw new ParseException("broken", "the file is damaged: its zip container cannot be read. Save or export it again.", e);
        }
    }

    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>The unpacked bytes of a part, or null where there is none of that name.</summary>
    /// <exception cref="ParseException">broken, hostile, encrypted.</exception>
    public byte[]? Read(string name, int maxBytes = MaxPartBytes)
    {
        if (!_entries.TryGetValue(name.TrimStart('/'), out var entry)) return null;
        long left = Math.Min(maxBytes, MaxTotalBytes - _unpacked);
        byte[] bytes = ReadEntry(entry, left);
        _unpacked += bytes.Length;
        return bytes;
    }

    /// <summary>Unpacks one entry, at most <paramref name="maxBytes"/> bytes of it.</summary>
    public static byte[] ReadEntry(ZipArchiveEntry entry, long maxBytes)
    {
        if (entry.IsEncrypted)
            throw new ParseException("encrypted", $"\"{entry.FullName}\" is protected by a password. Send it without the password.");
        try
        {
            using var source = entry.Open();
            using var target = new MemoryStream();
            byte[] buffer = new byte[64 * 1024];
            for (int read; (read = source.Read(buffer)) > 0;)
            {
                target.Write(buffer, 0, read);
                if (target.Length > maxBytes || IsBomb(target.Length, entry.CompressedLength))
                    throw new ParseException("hostile", $"\"{entry.FullName}\" unpacks to far more than a document holds (a zip bomb). Send the documents themselves.");
            }
            return target.ToArray();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw new ParseException("broken", $"the file is damaged: \"{entry.FullName}\" in it cannot be unpacked. Save or export it again.", e);
        }
    }

    private static bool IsBomb(long unpacked, long packed) =>
        unpacked > RatioCheckedFromBytes && unpacked > Math.Max(packed, 1) * MaxRatio;

    /// <summary>
    /// Counts central directory signatures before the library reads the directory into objects, so that a directory
    /// of millions of entries costs no memory. Stored zips inside a zip add their own, hence the allowance.
    /// </summary>
    public static void CheckEntryCount(ReadOnlySpan<byte> content)
    {
        int count = content.Count("PK\u0001\u0002"u8);
        if (count > MaxEntries * 4)
            throw new ParseException("hostile", $"the archive lists {count:N0} entries; at most {MaxEntries:N0} are read. Split it.");
    }
}
