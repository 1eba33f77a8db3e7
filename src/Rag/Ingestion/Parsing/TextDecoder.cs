using System.Text;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Bytes to text when nobody says for sure in which encoding: byte order mark, then UTF-8 where it is valid, then
/// UTF-16 by its zero bytes, then what the document declares, then the code page whose reading looks most like writing.
/// </summary>
internal static class TextDecoder
{
    private const int SniffBytes = 64 * 1024;
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    static TextDecoder() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    internal readonly record struct Decoded(string Text, string Charset);

    /// <param name="declared">The charset that a header or a meta element names; used only where the bytes allow it.</param>
    /// <param name="partial">The bytes may end in the middle of a character.</param>
    public static Decoded Decode(ReadOnlySpan<byte> bytes, string? declared = null, bool partial = false)
    {
        if (Bom(bytes) is var (encoding, length)) return new(encoding.GetString(bytes[length..]), encoding.WebName);
        if (Utf16(bytes) is { } wide) return new(wide.GetString(bytes), wide.WebName);
        if (bytes.IndexOf("\u001B$B"u8) >= 0 || bytes.IndexOf("\u001B$@"u8) >= 0) return With(Encoding.GetEncoding(50220), bytes);
        if (Utf8(bytes, partial) is { } text) return new(text, "utf-8");
        // Damage in a text that says it is UTF-8 and mostly is: a few bytes are replaced rather than all misread.
        if (MostlyUtf8(bytes)) return With(Encoding.UTF8, bytes);
        return Named(declared) is { } named && Accepts(named, bytes) ? With(named, bytes) : With(CharsetGuess.Best(bytes[..Math.Min(bytes.Length, SniffBytes)]), bytes);
    }

    /// <summary>True for bytes that no encoding of text explains: zero bytes or many control characters, and not UTF-16.</summary>
    public static bool LooksBinary(ReadOnlySpan<byte> bytes)
    {
        var head = bytes[..Math.Min(bytes.Length, 8 * 1024)];
        if (head.Length == 0 || Bom(head) is not null || Utf16(head) is not null) return false;
        int control = 0;
        foreach (byte b in head) if (b < 0x20 && b is not (9 or 10 or 11 or 12 or 13 or 0x1A or 0x1B)) control++;
        return control > Math.Max(3, head.Length / 50);
    }

    /// <summary>The encoding of that name, or null: unknown, or one that would only hide what the bytes are.</summary>
    public static Encoding? Named(string? charset)
    {
        if (string.IsNullOrWhiteSpace(charset)) return null;
        try
        {
            // The WHATWG encoding standard reads both of these labels as windows-1252.
            string label = charset.Trim().Trim('"', '\'').ToLowerInvariant();
            return label is "iso-8859-1" or "us-ascii" ? Encoding.GetEncoding(1252) : Encoding.GetEncoding(label);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static Decoded With(Encoding encoding, ReadOnlySpan<byte> bytes) => new(encoding.GetString(bytes), encoding.WebName);

    private static (Encoding Encoding, int Length)? Bom(ReadOnlySpan<byte> b) => b switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding.UTF8, 3),
        [0xFF, 0xFE, 0, 0, ..] => (Encoding.UTF32, 4),
        [0, 0, 0xFE, 0xFF, ..] => (new UTF32Encoding(bigEndian: true, byteOrderMark: true), 4),
        [0xFF, 0xFE, ..] => (Encoding.Unicode, 2),
        [0xFE, 0xFF, ..] => (Encoding.BigEndianUnicode, 2),
        _ => null,
    };

    private static Encoding? Utf16(ReadOnlySpan<byte> bytes)
    {
        var head = bytes[..Math.Min(bytes.Length, 4096)];
        if (head.Length < 4) return null;
        int even = 0, odd = 0, half = head.Length / 2;
        for (int i = 0; i + 1 < head.Length; i += 2)
        {
            if (head[i] == 0) even++;
            if (head[i + 1] == 0) odd++;
        }
        if (odd > half * 0.4 && even < half * 0.05) return Encoding.Unicode;
        return even > half * 0.4 && odd < half * 0.05 ? Encoding.BigEndianUnicode : null;
    }

    private static string? Utf8(ReadOnlySpan<byte> bytes, bool partial)
    {
        // Cut at the start of the last character, which may be incomplete.
        for (int back = 1; partial && back <= 4 && back <= bytes.Length; back++)
        {
            if ((bytes[^back] & 0xC0) == 0x80) continue;
            if (bytes[^back] >= 0xC0) bytes = bytes[..^back];
            break;
        }
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static bool MostlyUtf8(ReadOnlySpan<byte> bytes)
    {
        int valid = 0, invalid = 0;
        while (bytes.Length > 0)
        {
            int ascii = bytes.IndexOfAnyInRange((byte)0x80, (byte)0xFF);
            if (ascii < 0) break;
            bytes = bytes[ascii..];
            bool ok = Rune.DecodeFromUtf8(bytes, out _, out int used) == System.Buffers.OperationStatus.Done;
            if (ok) valid++; else invalid++;
            bytes = bytes[Math.Max(1, used)..];
        }
        return valid > 0 && invalid <= valid / 20;
    }

    private static bool Accepts(Encoding encoding, ReadOnlySpan<byte> bytes)
    {
        if (encoding.CodePage is 65001 or 1200 or 1201 or 12000 or 12001) return false;
        try
        {
            var strict = Encoding.GetEncoding(encoding.CodePage, EncoderFallback.ReplacementFallback, DecoderFallback.ExceptionFallback);
            string text = strict.GetString(bytes);
            int control = 0;
            foreach (char c in text) if (char.IsControl(c) && c is not ('\n' or '\r' or '\t')) control++;
            return control <= text.Length / 100;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
