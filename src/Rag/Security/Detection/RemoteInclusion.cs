using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// Addresses that the server is to fetch for the caller: code of another site, the metadata of a cloud, hosts behind the wall,
/// however the number of the host is written; and hosts that only serve to see whether somebody called.
/// </summary>
internal static partial class RemoteInclusion
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.Contains(':') && !text.Contains("//", StringComparison.Ordinal)) return 0;
        int weight = 0;
        bool alone = reading == Reading.Request || (reading == Reading.Bare && !text.Trim().Contains(' '));
        if (Metadata().In(text)) weight += alone ? 5 : 1;
        if (Disguised().In(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (InnerHost().In(text)) weight += reading == Reading.Request ? 5 : 1;
        if (OddScheme().In(text)) weight += reading == Reading.Prose ? 2 : 5;
        if (CallBack().In(text)) weight += reading == Reading.Prose ? 2 : 5;
        if (RemoteCode().In(text)) weight += alone ? 5 : 1;
        if (reading == Reading.Request && Included().In(text)) weight += 5;
        return weight;
    }

    [GeneratedRegex(@"(?:https?:)?//(?:169\.254\.169\.254|169\.254\.170\.2|100\.100\.100\.200|metadata\.google\.internal|metadata\.azure|\[fd00:ec2::254\]|192\.0\.0\.192)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Metadata();

    /// <summary>A host as one number, in octal or hexadecimal, as an address in an address, or behind a name that is not the host (<c>http://good@evil/</c>).</summary>
    [GeneratedRegex(@"\bhttps?://(?:\d{8,10}|0x[0-9a-f]{6,8}|0x[0-9a-f]{1,2}(?:\.(?:0x[0-9a-f]{1,2}|\d{1,3})){1,3}|0[0-7]{2,3}(?:\.0?[0-7]{1,3}){1,3}|\[(?:::ffff:|::1|0*:0*:)[^\]]{0,40}\]|127\.\d{1,3}(?:[:/]|$)|[^/\s:@]{1,60}(?::[^/\s@]{0,60})?@(?:127|10|169|192|localhost|\[))|\b[\w.-]+\.(?:nip|xip|sslip)\.io\b|\blocaltest\.me\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Disguised();

    [GeneratedRegex(@"(?:https?|ftp)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|0(?=[:/])|10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2})\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex InnerHost();

    [GeneratedRegex(@"\b(?:gopher|dict|tftp|ldaps?|sftp|ssh|rmi|iiop|jndi|netdoc|jar:https?)://[\w\[%-]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex OddScheme();

    [GeneratedRegex(@"\b[\w-]{4,}\.(?:oast\.(?:fun|live|me|online|pro|site)|interact\.sh|burpcollaborator\.net|oastify\.com|dnslog\.cn|requestbin\.(?:net|com)|ceye\.io|canarytokens\.com|webhook\.site)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex CallBack();

    [GeneratedRegex(@"\b(?:https?|ftp)://[^\s?#]{1,200}/[^\s?#]{0,100}\.(?:php\d?|phtml|jspx?|aspx?|cgi|sh|ps1|hta|txt|inc)\?*(?:\s|$|&)|\b(?:https?|ftp)://[^\s]{1,200}[?&](?:cmd|exec|c|command)=", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex RemoteCode();

    /// <summary>A value of a query that is the address of another site.</summary>
    [GeneratedRegex(@"(?:^|[?&])(?:file|path|page|url|uri|include|inc|template|tpl|document|doc|folder|load|src|dest|redirect|next|callback|return|image|img|target|feed|host|site|view|layout|conf)=\s*(?:https?:|ftp:)?//", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Included();
}
