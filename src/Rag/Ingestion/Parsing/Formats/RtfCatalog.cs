using System.Text;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Where the text of a group goes.</summary>
internal enum RtfTarget
{
    Text,
    None,
    Marker,
    Note,
    Catalog,
}

/// <param name="FallbackBytes">How many bytes after a Unicode escape repeat it for old readers (\uc).</param>
/// <param name="First">Nothing of the group has been read yet, so that the next word may name its destination.</param>
internal sealed record RtfState(
    RtfTarget Target = RtfTarget.Text, string Destination = "", string NoteLabel = "", int? Font = null, int FallbackBytes = 1,
    bool Hidden = false, bool InTable = false, int? Level = null, int Depth = 0, bool Starred = false, bool First = false);

/// <summary>What an RTF file says about itself before its text: fonts and their code pages, styles, title and author.</summary>
internal sealed class RtfCatalog
{
    private readonly Dictionary<int, int> _codePages = [];
    private readonly Dictionary<int, int> _headings = [];
    private readonly Dictionary<string, string> _info = new(StringComparer.Ordinal);
    private readonly StringBuilder _text = new();
    private int _font;
    private int _style = -1;

    public int DefaultCodePage { get; set; } = 1252;
    public int DefaultFont { get; set; }
    public string? Title => _info.GetValueOrDefault("title");

    public static RtfTarget? TargetOf(string word) => word switch
    {
        "fonttbl" or "stylesheet" or "info" or "title" or "author" or "subject" or "keywords" => RtfTarget.Catalog,
        "listtext" or "pntext" => RtfTarget.Marker,
        "footnote" or "annotation" => RtfTarget.Note,
        "colortbl" or "pict" or "object" or "header" or "headerl" or "headerr" or "headerf" or "footer" or "footerl" or "footerr" or "footerf"
            or "fldinst" or "datafield" or "themedata" or "colorschememapping" or "latentstyles" or "datastore" or "listtable" or "listoverridetable" or "rsidtbl"
            or "generator" or "filetbl" or "revtbl" or "nonshppict" or "atnid" or "atnauthor" or "atndate" or "atnref" or "atrfstart" or "atrfend" or "atntime"
            or "bkmkstart" or "bkmkend" or "xe" or "tc" or "panose" or "falt" or "fontemb" or "sp" or "pnseclvl" or "creatim" or "revtim" or "printim"
            or "operator" or "company" or "manager" or "category" or "doccomm" or "comment" or "hlinkbase" or "userprops" or "xmlnstbl" or "wgrffmtfilter" => RtfTarget.None,
        // Starred, yet their text is the document's.
        "shpinst" or "shptxt" or "shppict" or "shprslt" or "fldrslt" or "ud" => word is "shprslt" or "shppict" ? RtfTarget.None : RtfTarget.Text,
        _ => null,
    };

    /// <summary>The text of control words that stand for a sign; null for all others.</summary>
    public static string? Sign(string word) => word switch
    {
        "tab" => "\t",
        "line" or "softline" or "column" => "\n",
        "~" => " ",
        "_" => "-",
        "emdash" => "—",
        "endash" => "–",
        "bullet" => "•",
        "lquote" => "‘",
        "rquote" => "’",
        "ldblquote" => "“",
        "rdblquote" => "”",
        "emspace" or "enspace" or "qmspace" => " ",
        _ => null,
    };

    public void Control(string word, int? parameter)
    {
        switch (word)
        {
            case "f":
                _font = parameter ?? 0;
                break;
            case "fcharset" when CodePage(parameter ?? 0) is { } page:
                _codePages[_font] = page;
                break;
            case "cpg" when parameter is { } own:
                _codePages[_font] = own;
                break;
            case "s":
                _style = parameter ?? 0;
                break;
        }
    }

    public void Text(string text)
    {
        _text.Append(text);
        // A style's name ends with a semicolon; only those of headings matter.
        if (!text.Contains(';')) return;
        string name = _text.ToString().TrimEnd(';', ' ');
        _text.Clear();
        if (_style >= 0 && name.StartsWith("heading ", StringComparison.OrdinalIgnoreCase) && name.Length >= 9 && name[8] is >= '1' and <= '9') _headings[_style] = name[8] - '0';
        if (_style >= 0 && name.Equals("title", StringComparison.OrdinalIgnoreCase)) _headings[_style] = 1;
        _style = -1;
    }

    public void CloseGroup(string destination)
    {
        string value = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(_text.ToString()));
        if (destination is "title" or "author" or "subject" or "keywords" && value.Length > 0) _info.TryAdd(destination, value);
        if (destination is not "fonttbl" and not "stylesheet") _text.Clear();
    }

    public int? HeadingLevel(int style) => _headings.TryGetValue(style, out int level) ? level : null;

    public Dictionary<string, string> Metadata() => _info.Where(i => i.Key != "title").ToDictionary();

    public Encoding Encoding(int? font)
    {
        int page = _codePages.TryGetValue(font ?? DefaultFont, out int own) ? own : DefaultCodePage;
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(page) ?? System.Text.Encoding.GetEncoding(page);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return System.Text.Encoding.Latin1;
        }
    }

    /// <summary>The code page of a Windows character set number; null where the document's own applies.</summary>
    private static int? CodePage(int charset) => charset switch
    {
        77 => 10000,
        128 => 932,
        129 => 949,
        130 => 1361,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => null,
    };
}
