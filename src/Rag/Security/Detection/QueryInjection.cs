using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>The same break as in SQL, for those who ask LDAP (RFC 4515), XPath or a document database.</summary>
internal static partial class QueryInjection
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny("($['")) return 0;
        int weight = 0;
        if (Ldap().In(text) && Broken(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (Operator().In(text)) weight += reading == Reading.Prose ? 1 : 5;
        if (OperatorKey().In(text)) weight += 5;
        if (Script().In(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (XPath().In(text)) weight += reading == Reading.Prose ? 2 : 5;
        return weight;
    }

    /// <summary>A filter that is whole is somebody's own; one that closes what it did not open ends another's.</summary>
    private static bool Broken(string text)
    {
        int open = 0;
        foreach (char c in text)
        {
            if (c == '(') open++;
            else if (c == ')' && --open < 0) return true;
        }
        return false;
    }

    [GeneratedRegex(@"\*?\)+\s*\(+\s*(?:[|&!]\s*(?:\(|\)|$)|[|&!]?\s*\(?\s*[a-z]{1,30}\s*[~<>:]?=\s*[*\w])|\*\)\)?%00|\(\s*[|&]\s*\(\s*\w{1,30}\s*[~<>]?=\s*\*\s*\)|^\*?\)\(?[|&]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Ldap();

    [GeneratedRegex(@"\{\s*[""']?\$(?:ne|gte?|lte?|regex|where|n?in|exists|n?or|and|not|func|expr|jsonSchema|type|eq)[""']?\s*:", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Operator();

    /// <summary>In a query: <c>user[$ne]=x</c>.</summary>
    [GeneratedRegex(@"\[\s*\$(?:ne|gte?|lte?|regex|where|n?in|exists|n?or|and|not|eq|options)\s*\]\s*=", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex OperatorKey();

    [GeneratedRegex(@"['""]\s*(?:;|\|\||&&|\})\s*(?:return\b|this\.|sleep\s*\(|while\s*\(|db\.|var\s+\w+\s*=|\(?function)|['""]\s*(?:\|\||&&)\s*['""]?\w{1,12}['""]?\s*={2,3}\s*['""]?\w|\bthis\.\w{1,30}\.(?:match|constructor)\s*\(|\$where\b.{0,20}(?:function|return|this\.|sleep)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Script();

    [GeneratedRegex(@"['""]\s*\]\s*(?:\||/)|['""\d]\s*or\s+(?:count|name|string-length|substring|contains|position)\s*\(|/(?:child|descendant|parent|ancestor|following-sibling)::|\bcount\(\s*/", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex XPath();
}
