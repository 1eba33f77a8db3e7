using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>
/// A line of a spool file: the first 16 hexadecimal digits of the JSON's SHA-256, a blank, the JSON in UTF-8. A line that a
/// kill cut short does not have its checksum and is none.
/// </summary>
internal static class ChecksumLine
{
    private const int ChecksumChars = 16;

    /// <returns>The line with the newline at its end.</returns>
    public static byte[] Of<T>(T value, JsonTypeInfo<T> type)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        return [.. Encoding.ASCII.GetBytes(Sha256.Hex(json)[..ChecksumChars]), (byte)' ', .. json, (byte)'\n'];
    }

    /// <param name="line">Without its newline.</param>
    /// <returns>Null: it was not written whole.</returns>
    public static T? Read<T>(ReadOnlySpan<byte> line, JsonTypeInfo<T> type) where T : class
    {
        if (line.Length < ChecksumChars + 2 || line[ChecksumChars] != ' ') return null;
        var json = line[(ChecksumChars + 1)..];
        Span<char> expected = stackalloc char[ChecksumChars];
        if (Encoding.ASCII.GetChars(line[..ChecksumChars], expected) != ChecksumChars || !Sha256.Hex(json).AsSpan(0, ChecksumChars).SequenceEqual(expected)) return null;
        return JsonSerializer.Deserialize(json, type);
    }
}
