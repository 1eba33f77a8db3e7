using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// SQL that ends a value and goes on as a statement. What is looked for is the break: a quote, a number or a bracket, and behind
/// it a condition that is always true, a second query, a second statement, a wait, or a comment that takes the rest away.
/// A statement alone is what people ask about.
/// </summary>
internal static partial class SqlInjection
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny(Signs)) return 0;
        string plain = Space().Replace(Comment().Replace(text, " $1 "), " ");
        int weight = 0;
        if (Tautology().In(plain) || Comparison().In(plain)) weight += reading == Reading.Prose ? 3 : 5;
        if (UnionOfColumns().In(plain)) weight += reading switch { Reading.Request => 5, Reading.Bare => 3, _ => 2 };
        if (BrokenUnion().In(plain)) weight += reading == Reading.Prose ? 3 : 5;
        if (SecondStatement().In(plain)) weight += reading == Reading.Prose ? 3 : 5;
        if (Wait().In(plain)) weight += reading == Reading.Request ? 5 : 2;
        if (BrokenWait().In(plain)) weight += 5;
        if (BrokenCondition().In(plain)) weight += 3;
        if (SubQuery().In(plain)) weight += reading == Reading.Prose ? 3 : 5;
        if (Machinery().In(plain)) weight += reading == Reading.Prose ? 2 : 5;
        // The comment is looked for where it stands: taken out above, it would not be seen.
        if (weight is > 0 and < 5 && CommentAtEnd().In(text)) weight += 3;
        if (QuoteAndComment().In(text)) weight += reading == Reading.Request || text.Length <= 80 ? 5 : 2;
        return weight;
    }

    private static readonly System.Buffers.SearchValues<char> Signs = System.Buffers.SearchValues.Create("'\"`);0123456789@*,(");

    /// <summary>What stands in a comment that MySQL runs (<c>/*!50000 … */</c>) is read, other comments are blanks.</summary>
    [GeneratedRegex(@"/\*(?:!\d{0,6}(.{0,200}?)|.{0,200}?)\*/", Patterns.Options | RegexOptions.Singleline, Patterns.TimeoutMs)]
    private static partial Regex Comment();

    [GeneratedRegex(@"[\s\xA0]+", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Space();

    /// <summary><c>' or 1=1</c>, <c>" or "a"="a</c>, <c>1) or (2)=(2</c>, <c>' or true--</c>, <c>' || '1'='1</c>: both sides are the same, or it says so.</summary>
    [GeneratedRegex(
        @"['""`\d)][\s)]*(?:\b(?:x?or|and)\b|\|\||&&)[\s(]*(?:not[\s(]+)?(?:(['""`]?)([\w.]{1,30})\1[\s)]*(?:=|<=>|like|rlike|is)[\s(]*(?:['""`]\2\b|\2\b)|true\b|\d{1,6}\s*(?:--|#|;%00)|['""`]\w{1,20}['""`]\s*(?:=|like|<|>)\s*['""`])",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Tautology();

    [GeneratedRegex(@"['""`][\s)]*(?:\b(?:or|and)\b|\|\||&&)[\s(]*\d{1,6}\s*(?:<|>|<>|!=)\s*\d{1,6}", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Comparison();

    [GeneratedRegex(@"\bunion\b[\s(]*(?:all\b|distinct\b)?[\s(]*select\b\s*(?:\(?\s*(?:null|\d{1,4}|@@?\w+|'[^']{0,40}'|0x[0-9a-f]+|\w+\([^)]{0,60}\)?|[\w.]+)\s*,|(?:top|concat|group_concat|char|null|@@|\*|\d+\s*(?:--|#|from\b|$)|\w+\s+from\b))", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex UnionOfColumns();

    [GeneratedRegex(@"['""`\d)][\s)]*\bunion\b[\s(]*(?:all\b|distinct\b)?[\s(]*select\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex BrokenUnion();

    [GeneratedRegex(
        @"['""`\d)][\s)]*;\s*(?:drop\s+(?:table|database|schema|user|view|index|column|procedure)\b|delete\s+from\b|insert\s+into\b|update\s+[\w.\[\]""`]+\s+set\b|truncate\s+table\b|alter\s+(?:table|user|role|login)\b|create\s+(?:table|user|login|role|function|procedure|trigger)\b|exec(?:ute)?[\s(]+(?:immediate\b|xp_|sp_|master|')|declare\s+@|shutdown\b|grant\s+\w+|copy\s+\w+\s*(?:\(|from|to)|select\s+(?:\w+\(|\*|@@|case\b|pg_))",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SecondStatement();

    [GeneratedRegex(@"\b(?:pg_sleep|benchmark|sleep|dbms_pipe\.receive_message|dbms_lock\.sleep|randomblob)\s*\(\s*(?:['""]?\w{1,10}['""]?\s*,\s*)?[\d(]|\bwaitfor\s+(?:delay|time)\s*['""]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Wait();

    [GeneratedRegex(@"['""`][\s)]*(?:;|\b(?:or|and|where|having)\b|\|\||&&|\+|-|\*|,).{0,80}?(?:\b(?:pg_sleep|benchmark|sleep|dbms_pipe\.receive_message|dbms_lock\.sleep|randomblob)\s*\(|\bwaitfor\s+delay\b)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex BrokenWait();

    [GeneratedRegex(@"['""`\d)][\s)]*(?:\b(?:or|and|having)\b|\|\||&&)[\s(]*(?:['""`]?[\w.]{1,30}['""`]?\s*(?:=|<|>|<>|!=)\s*['""`\d]|(?:exists|ascii|ord|length|substr|substring|mid|count|if|case)\s*[\s(])|['""`\d)][\s)]*(?:order|group)\s+by\s+[\d.]+\s*(?:--|#|$)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex BrokenCondition();

    /// <summary>A query inside a value: <c>'||(select …)||'</c>, <c>and ascii(substring((select …</c>.</summary>
    [GeneratedRegex(@"(?:['""`\d)][\s)]*(?:\b(?:or|and|having|in)\b|\|\||&&|\+|,|=|-|\*)[^;]{0,80}?\(\s*select\b|\(\s*select\b.{1,120}?\bfrom\b.{0,80}?\)\s*(?:=|<|>|\|\|)\s*['""`\d])", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SubQuery();

    /// <summary>What only somebody uses who looks around or breaks out of a database.</summary>
    [GeneratedRegex(@"\bxp_(?:cmdshell|dirtree|regread|fileexist)\b|\b(?:extractvalue|updatexml)\s*\(\s*\w+\s*,\s*(?:concat|0x)|\bload_file\s*\(\s*['""0c]|\binto\s+(?:out|dump)file\s*['""]|\bselect\b.{0,80}\bfrom\s+(?:information_schema|mysql\.user|pg_catalog|pg_shadow|sqlite_master|sys\.(?:tables|objects|databases|user\$)|master\.\.)|\bprocedure\s+analyse\s*\(|\bchar\s*\(\s*\d{2,3}\s*(?:,\s*\d{2,3}\s*){2,}\)|\butl_(?:http|inaddr)\.", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Machinery();

    [GeneratedRegex(@"(?:--[\s+-]*|#\s*|/\*\s*|;\s*%00|;\s*)$", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex CommentAtEnd();

    /// <summary>All of it: a name, a quote, brackets, a comment (<c>admin'--</c>).</summary>
    [GeneratedRegex(@"^\s*[\w@.%-]{0,40}['""`][\s)]*(?:--|#|/\*|;\s*--)[\s\w-]{0,12}$", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex QuoteAndComment();
}
