namespace Rag.Ingestion.Parsing.Formats;

internal enum RtfToken
{
    Open,
    Close,
    Control,
    /// <summary>A byte written as \'xx.</summary>
    Byte,
    /// <summary>A byte that stands for itself.</summary>
    Text,
}

/// <summary>The tokens of an RTF file, one at a time.</summary>
internal sealed class RtfReader(ReadOnlyMemory<byte> rtf)
{
    private const int MaxWordChars = 32;
    private int _at;

    public RtfToken Kind { get; private set; }
    public byte Value { get; private set; }
    public string Word { get; private set; } = "";
    public int? Parameter { get; private set; }

    public void Skip(int bytes) => _at = (int)Math.Min(rtf.Length, (long)_at + Math.Max(0, bytes));

    public bool Next()
    {
        var span = rtf.Span;
        while (_at < span.Length && span[_at] is (byte)'\r' or (byte)'\n' or 0) _at++;
        if (_at >= span.Length) return false;
        byte b = span[_at++];
        switch (b)
        {
            case (byte)'{':
                Kind = RtfToken.Open;
                break;
            case (byte)'}':
                Kind = RtfToken.Close;
                break;
            case (byte)'\\':
                Control(span);
                break;
            default:
                // Plain bytes go with escaped ones: a double-byte character may be written as one of each.
                (Kind, Value) = (RtfToken.Byte, b);
                break;
        }
        return true;
    }

    private void Control(ReadOnlySpan<byte> span)
    {
        Kind = RtfToken.Control;
        Parameter = null;
        if (_at >= span.Length)
        {
            Word = "";
            return;
        }
        if (!char.IsAsciiLetter((char)span[_at]))
        {
            Symbol(span, (char)span[_at++]);
            return;
        }
        int start = _at;
        while (_at < span.Length && char.IsAsciiLetter((char)span[_at]) && _at - start < MaxWordChars) _at++;
        Word = System.Text.Encoding.ASCII.GetString(span[start.._at]);
        start = _at;
        if (_at < span.Length && span[_at] == '-') _at++;
        while (_at < span.Length && char.IsAsciiDigit((char)span[_at]) && _at - start < 11) _at++;
        if (int.TryParse(span[start.._at], System.Globalization.CultureInfo.InvariantCulture, out int value)) Parameter = value;
        if (_at < span.Length && span[_at] == ' ') _at++;
    }

    private void Symbol(ReadOnlySpan<byte> span, char symbol)
    {
        if (symbol == '\'' && _at + 2 <= span.Length && byte.TryParse(span.Slice(_at, 2), System.Globalization.NumberStyles.HexNumber, null, out byte value))
        {
            _at += 2;
            (Kind, Value) = (RtfToken.Byte, value);
        }
        else if (symbol is '\\' or '{' or '}') (Kind, Value) = (RtfToken.Text, (byte)symbol);
        else Word = symbol is '\r' or '\n' ? "par" : symbol.ToString();
    }
}
