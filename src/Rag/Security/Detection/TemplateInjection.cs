using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// Expressions that a template engine or a logger would work out: sums that show whether it does, ways from a value to the
/// classes behind it, look-ups. Placeholders with a name are what manuals are full of.
/// </summary>
internal static partial class TemplateInjection
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny("{%_#") && !text.Contains("()", StringComparison.Ordinal)) return 0;
        int weight = 0;
        if (LookUp().In(text)) weight += 5;
        if (ToTheClass().In(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (Engine().In(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (Sum().Match(text) is { Success: true } sum) weight += reading == Reading.Request || sum.Length > text.Length / 2 ? 5 : 3;
        return weight;
    }

    /// <summary>Log4j's look-ups (CVE-2021-44228), also in pieces: <c>${${lower:j}ndi:</c>.</summary>
    [GeneratedRegex(@"\$\{\s*jndi\s*:|\$\{[^}]{0,40}(?:\$\{[^}]{0,60}\}[^}]{0,10}){2,}|\$\{(?:\$\{[^}]{1,60}\}){1,8}[^}]{0,20}:|\$\{(?:lower|upper|env|sys|date|main|ctx|bundle|java|k8s|docker|spring|web|::-)\s*:[^}]{0,40}[}:]|j\$\{[^}]{0,20}\}?n?d?i?:(?:ldap|rmi|dns)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex LookUp();

    [GeneratedRegex(@"(?:\.|\[['""]|\|\s*attr\(['""])__(?:class|mro|bases?|subclasses|globals|builtins|init|import|getitem|dict)__|\b__import__\s*\(|\.getClass\s*\(\s*\)|\bT\(\s*java\.|\bjava\.lang\.(?:Runtime|ProcessBuilder|Class)\b|\bRuntime\.getRuntime\s*\(|\bnew\s+ProcessBuilder\b|#_memberAccess|@java\.lang|\bclass\.module\.classLoader|\bfreemarker\.template\.utility|\.newInstance\s*\(|\bOgnlContext\b|\bconstructor\.constructor\s*\(", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ToTheClass();

    [GeneratedRegex(
        @"\{\{\s*(?:config(?:\.(?:items|from|class)|\s*\}\})|self\.|request\.(?:application|environ|__)|lipsum|cycler|joiner|namespace|get_flashed_messages|url_for\.|range\s*\(|\[\]\.|['""]{2}\.|_self\.env|app\.request|dump\s*\(|constructor|\$on\.|toString\(\)\.)|<%=?[^%]{0,100}(?:system|exec|`|Runtime|File\.|IO\.|ENV\b|Dir\.)[^%]{0,100}%>|#set\s*\(\s*\$\w+\s*=|\{php\}|\{%\s*(?:import|debug|include\s*['""][/.]|for\s+\w+\s+in\s+(?:\[\]|\(\)|''|""""|\w+\.__))|\$\{[^}]{0,80}(?:\.execute\s*\(|\.exec\s*\(|pageContext|applicationScope|requestScope|sessionScope|systemProperties)|%\{[^}]{0,80}(?:#|@|\(\s*'|\.getWriter)|\*\{\s*T\(|@\{?\s*\(?\s*\d+\s*\*\s*\d+|<\#assign\b",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Engine();

    [GeneratedRegex(@"(?:\{\{|\$\{\{?|#\{|<%=|\{%|\*\{|@\(|\[\[|%\{|~\{|\{@|\{)\s*=?\s*['""]?\d{1,10}['""]?\s*[*+\-/^]\s*['""]?\d{1,10}['""]?\s*(?:\}\}?|%>|%\}|\)|\]\])", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Sum();
}
