using System.Text;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// Rich Text Format 1.9: text with its code pages and Unicode escapes, paragraphs, headings by style or outline level,
/// lists by their markers, table rows, footnotes and comments. One pass, no recursion, groups bounded.
/// </summary>
internal sealed class RtfParser
{
    private const int MaxGroups = 500;

    private readonly RtfReader _reader;
    private readonly ParsedTextBuilder _builder;
    private readonly RtfCatalog _catalog = new();
    private readonly Stack<RtfState> _states = new();
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _marker = new();
    private readonly StringBuilder _note = new();
    private readonly List<byte> _bytes = [];
    private readonly List<string> _notes = [];
    private readonly List<string> _cells = [];
    private RtfState _state = new();
    private int _skip;
    private int _list;
    private int _table;

    private RtfParser(ReadOnlyMemory<byte> rtf, ParsedTextBuilder builder) => (_reader, _builder) = (new(rtf), builder);

    public static ParsedDocument Parse(ParseInput input)
    {
        var builder = input.Builder();
        var parser = new RtfParser(input.Content, builder);
        parser.Run();
        return builder.Build(parser._catalog.Title, input.Type.MediaType, parser._catalog.Metadata());
    }

    private void Run()
    {
        while (_reader.Next())
        {
            if (_reader.Kind != RtfToken.Byte) DecodeBytes();
            switch (_reader.Kind)
            {
                case RtfToken.Open:
                    if (_states.Count >= MaxGroups) throw new ParseException("hostile", $"the file nests deeper than {MaxGroups} groups, which no document needs. Save it again.");
                    _states.Push(_state);
                    _state = _state with { Starred = false, First = true };
                    continue;
                case RtfToken.Close:
                    Close();
                    break;
                case RtfToken.Byte or RtfToken.Text:
                    if (_skip > 0) _skip--;
                    else if (_state.Target != RtfTarget.None) _bytes.Add(_reader.Value);
                    break;
                case RtfToken.Control:
                    if (_reader.Word == "*")
                    {
                        _state = _state with { Starred = true };
                        continue;
                    }
                    Control(_reader.Word, _reader.Parameter);
                    break;
            }
            _state = _state with { First = false };
        }
        DecodeBytes();
        EndParagraph();
        foreach (string note in _notes) _builder.Paragraph(note);
    }

    private void Close()
    {
        var closed = _state;
        _state = _states.Count > 0 ? _states.Pop() : new();
        _skip = 0;
        if (closed.Target == RtfTarget.Note && _state.Target != RtfTarget.Note)
        {
            string words = ParsedTextBuilder.Collapse(_note.ToString());
            if (words.Length > 0) _notes.Add($"{closed.NoteLabel}: {words}");
            _note.Clear();
        }
        else if (closed.Target == RtfTarget.Catalog) _catalog.CloseGroup(closed.Destination);
    }

    private void Control(string word, int? parameter)
    {
        // A destination is known by the first word of its group; an unknown one that is starred may be skipped.
        if (_state.First || _state.Starred)
        {
            if (RtfCatalog.TargetOf(word) is { } target)
            {
                if (_state.Target != RtfTarget.None) _state = _state with { Target = target, Destination = word, NoteLabel = word == "annotation" ? "Comment" : "Footnote" };
                if (word is "listtext" or "pntext") _marker.Clear();
            }
            else if (_state.Starred) _state = _state with { Target = RtfTarget.None };
        }
        _state = _state with { Starred = false };
        if (_state.Target == RtfTarget.Catalog) _catalog.Control(word, parameter);
        switch (word)
        {
            case "u":
                Unicode(parameter ?? 0);
                break;
            case "uc":
                _state = _state with { FallbackBytes = Math.Clamp(parameter ?? 1, 0, 16) };
                break;
            case "bin":
                _reader.Skip(parameter ?? 0);
                break;
            case "ansicpg":
                _catalog.DefaultCodePage = parameter ?? 1252;
                break;
            case "mac" or "pc" or "pca":
                _catalog.DefaultCodePage = word == "mac" ? 10000 : word == "pc" ? 437 : 850;
                break;
            case "deff":
                _catalog.DefaultFont = parameter ?? 0;
                break;
            case "f" when _state.Target != RtfTarget.Catalog:
                _state = _state with { Font = parameter };
                break;
            case "plain":
                _state = _state with { Font = null, Hidden = false };
                break;
            case "v" or "deleted":
                _state = _state with { Hidden = parameter != 0 };
                break;
            default:
                Layout(word, parameter);
                break;
        }
    }

    private void Layout(string word, int? parameter)
    {
        switch (word)
        {
            case "par" or "sect" or "page":
                if (_state.Target == RtfTarget.Text && !_state.InTable) EndParagraph();
                else Append("\n");
                break;
            case "pard":
                _state = _state with { InTable = false, Level = null };
                break;
            case "intbl":
                _state = _state with { InTable = true };
                break;
            case "cell" or "nestcell" when _state.Target == RtfTarget.Text:
                _cells.Add(_text.ToString());
                _text.Clear();
                break;
            case "row" or "nestrow" when _state.Target == RtfTarget.Text:
                if (_table == 0) _table = _builder.NewGroup();
                _builder.TableRow(_table, _cells);
                _cells.Clear();
                break;
            case "s":
                _state = _state with { Level = _catalog.HeadingLevel(parameter ?? 0) };
                break;
            case "outlinelevel":
                _state = _state with { Level = parameter is >= 0 and < 9 ? parameter + 1 : null };
                break;
            case "ilvl":
                _state = _state with { Depth = Math.Clamp(parameter ?? 0, 0, 20) };
                break;
            default:
                if (RtfCatalog.Sign(word) is { } sign) Append(sign);
                break;
        }
    }

    private void Unicode(int value)
    {
        Append(((char)(ushort)value).ToString());
        _skip = _state.FallbackBytes;
    }

    private void DecodeBytes()
    {
        if (_bytes.Count == 0) return;
        string text = _catalog.Encoding(_state.Font).GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes));
        _bytes.Clear();
        Append(text);
    }

    private void Append(string text)
    {
        if (_state.Hidden) return;
        switch (_state.Target)
        {
            case RtfTarget.Text:
                _text.Append(text);
                break;
            case RtfTarget.Marker:
                _marker.Append(text);
                break;
            case RtfTarget.Note:
                _note.Append(text);
                break;
            case RtfTarget.Catalog:
                _catalog.Text(text);
                break;
        }
    }

    private void EndParagraph()
    {
        string text = _text.ToString().Trim();
        string marker = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(_marker.ToString()));
        _text.Clear();
        _marker.Clear();
        if (text.Length == 0) return;
        _table = 0;
        if (_state.Level is { } level) _builder.Heading(level, marker.Length > 0 ? $"{marker} {text}" : text);
        else if (marker.Length > 0)
        {
            if (_list == 0) _list = _builder.NewGroup();
            // Bullets come as signs of symbol fonts.
            _builder.ListItem(_list, _state.Depth, marker.Any(char.IsAsciiLetterOrDigit) && marker.Length > 1 ? marker + " " : "- ", text);
            return;
        }
        else _builder.Paragraph(text);
        _list = 0;
    }
}
