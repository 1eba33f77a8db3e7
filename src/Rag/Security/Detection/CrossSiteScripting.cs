using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// Markup or a script address that would run where it is shown unescaped. Naming a tag is a question; a tag with code in it, a
/// handler that calls something, or an address that is a script is not.
/// </summary>
internal static partial class CrossSiteScripting
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny("<:(`={")) return 0;
        // Blanks and zero bytes that browsers skip inside a scheme or a tag.
        string plain = Skipped().Replace(text, "");
        int weight = 0;
        bool prose = reading == Reading.Prose;
        if (ScriptWithCode().In(plain)) weight += 5;
        else if (ScriptTag().In(plain)) weight += prose ? 1 : 5;
        if (HandlerThatCalls().In(plain)) weight += 5;
        else if (Handler().In(plain)) weight += prose ? 2 : 5;
        if (ScriptAddress().In(plain)) weight += 5;
        if (ActiveTag().In(plain)) weight += prose ? 2 : 5;
        if (BreakOut().In(plain)) weight += prose ? 3 : 5;
        if (Call().In(plain)) weight += prose ? 2 : 5;
        return weight;
    }

    [GeneratedRegex(@"[\0\x01-\x08\x0B\x0C\x0E-\x1F]|(?<=[a-z])[\t\r\n](?=[a-z]{1,10}:)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Skipped();

    [GeneratedRegex(@"<\s*script\b[^<>]{0,200}?(?:\bsrc\s*=\s*[""']?\s*(?:https?:|//|data:|\w)|>\s*[\w.$\[\]""'/*\\+;!~{}(-]{0,60}?[\w\])]\s*[(=`\[])", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ScriptWithCode();

    [GeneratedRegex(@"<\s*/?\s*script\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ScriptTag();

    private const string Calls = @"(?:alert|confirm|prompt|eval|document|window|location|fetch|import|atob|fromcharcode|javascript|settimeout|setinterval|function|constructor|xmlhttprequest|cookie|localstorage|top\[|self\[|this\[|parent\.|print\s*\(|throw\b|\\u00|&#|new\s+image)";

    [GeneratedRegex(@"(?:<[a-z!/?][^>]{0,400}?[\s/""'`]|^[^<>]{0,80}?[""'][\s/]*)on[a-z]{3,24}\s*=\s*[""'`]?[^>]{0,200}?" + Calls, Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex HandlerThatCalls();

    [GeneratedRegex(@"(?:<[a-z!/?][^>]{0,400}?[\s/""'`]|^[^<>]{0,80}?[""'][\s/]*)on[a-z]{3,24}\s*=\s*[""'`]?\s*[\w\[(]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Handler();

    [GeneratedRegex(
        @"(?:href|src|action|formaction|data|xlink:href|srcdoc|background|poster|to|values|from|content|url)\s*[=(]\s*[""']?\s*(?:0;\s*url=\s*)?(?:(?:java|vb|live)script\s*:|data\s*:\s*(?:text/html|image/svg\+xml|application/x?html|text/javascript)|&\#)|\b(?:java|vb)script\s*:(?=\S)[/*]*[\w.\[\]""'%]{1,60}\s*[(=`\[]|\]\(\s*(?:(?:java|vb)script\s*:|data\s*:\s*text/html)",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ScriptAddress();

    [GeneratedRegex(@"<\s*(?:iframe|frame|object|embed|applet|base|meta|link|svg|math|animate|set|body|img|video|audio|source|input|form|button|details|marquee|isindex|style|xml|xss|template|portal|textarea|keygen|bgsound|layer|image)\b(?:[^>]{0,300}?(?:srcdoc|http-equiv|xlink:href|formaction|\bon[a-z]{3,24}\s*=|expression\s*\(|@import|behavior\s*:|-moz-binding)|[\s/]+(?:src|href|data|code|action|background|dynsrc|lowsrc)\s*=\s*[""']?\s*(?:https?:)?//)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ActiveTag();

    /// <summary>The end of an attribute or of a string in a script, and then markup or a call.</summary>
    [GeneratedRegex(@"[""'`]\s*/?>\s*<\s*[a-z!]|</\s*(?:title|textarea|style|script|noscript|xmp|template)\s*>\s*<|[""'`]\s*[;+\-*,)}\]]+\s*(?:alert|confirm|prompt|eval|print)\s*[(`]|-->\s*<\s*[a-z]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex BreakOut();

    [GeneratedRegex(
        @"\b(?:alert|confirm|prompt)\s*(?:[(`]|\?\.\()\s*(?:document|window|location|string|self|this|top|origin|[\d""'`/])|\b(?:eval|settimeout|setinterval|function)\s*\(\s*(?:atob|string\.fromcharcode|unescape|location|name|[""'`]\s*(?:alert|fetch))|\bdocument\s*[.\[]\s*[""']?(?:cookie|domain|write(?:ln)?)\b|\bconstructor\s*[.\[(]\s*[""']?(?:constructor|prototype|alert)|\[\s*[""'](?:alert|eval|constructor|filter|al[""']\s*\+)",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Call();
}
