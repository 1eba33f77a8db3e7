using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// A value that ends and goes on as a command of a shell. Command lines are what this product's documents are about: in a
/// sentence only what no manual shows counts, a shell that calls home, a download that is run, a file of passwords.
/// </summary>
internal static partial class CommandInjection
{
    private const string Commands =
        @"(?:/?(?:usr/)?(?:local/)?s?bin/)?(?:cat|tac|ls|dir|id|whoami|uname|curl|wget|n(?:et)?cat|nc|bash|sh|zsh|ksh|dash|python[23]?|perl|php|ruby|node|lua|powershell|pwsh|cmd(?:\.exe)?|ping|nslookup|dig|host|type|net|ifconfig|ipconfig|ps|rm|echo|printf|sleep|timeout|chmod|tftp|certutil|bitsadmin|mshta|rundll32|env|printenv|telnet|socat|awk|nohup|mkfifo|systeminfo|tasklist|netstat|more|head|tail|find|touch|useradd|passwd|kill|reboot|shutdown)\b";

    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny(Signs)) return 0;
        // A shell reads c'a't, c\at and c^at as cat.
        string plain = Splits().Replace(text, "");
        int weight = 0;
        if (Hostile().In(plain)) weight += 5;
        if (Tricks().In(text)) weight += reading == Reading.Prose ? 3 : 5;
        if (ValueThenCommand().In(plain)) weight += reading == Reading.Prose ? 2 : 5;
        else if (Chained().In(plain)) weight += reading switch { Reading.Request => 5, Reading.Bare => 1, _ => 0 };
        return weight;
    }

    private static readonly System.Buffers.SearchValues<char> Signs = System.Buffers.SearchValues.Create(";|&`$\n(>{/");

    [GeneratedRegex(@"(?<=\w)(?:''|""""|\\|\^|\$@|\$\*|\$\(\)|``)(?=\w)|(?<=\b\w{0,6})['""](?=\w{1,3}['""]\w)|(?<=['""]?\b\w{1,6})['""](?=\w)(?!\w*['""]\s)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Splits();

    /// <summary>What no manual shows.</summary>
    [GeneratedRegex(
        @"/dev/(?:tcp|udp)/[\w.-]+/\d|\b(?:ba|z|k|da)?sh\s+-i\s*[>&0-9]|\bn(?:et)?cat?\b[^;|\n]{0,60}\s-[a-z]*[ec]\s*\S*(?:sh|cmd)|\b(?:curl|wget|fetch)\b[^;|&\n]{1,160}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b(?!\w)(?=.{0,3}$)|[;|&`\n(]\s*(?:cat|tac|head|tail|more|less|type|nl|od|xxd|strings)\s+[^;|&\n]{0,60}?/?(?:etc/(?:passwd|shadow)|\.ssh/|proc/self|windows\\|win\.ini|boot\.ini)|[;|&`\n]\s*rm\s+-\w*r\w*\s+(?:-\w+\s+)*(?:/|~|\*|--no-preserve)|\bpowershell(?:\.exe)?\s+(?:-\w+\s+)*-(?:e|enc|encodedcommand|nop|noprofile|w\s+hidden|ep\s+bypass)\b|\bcertutil\b[^;|\n]{0,40}-urlcache|\bmkfifo\s+/tmp/\w+\s*;|\(\)\s*\{\s*[:_\w]*\s*;?\s*\}\s*;|\bimport\s+(?:os|pty|socket|subprocess)\b.{0,60}(?:\.system|\.spawn|\.connect|\.popen)\s*\(|`\s*(?:id|whoami|uname)\b[^`]{0,20}`|\$\(\s*(?:id|whoami|uname|cat\s+/etc)\b",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Hostile();

    /// <summary>Ways to write a command without blanks or letters that a filter would look for.</summary>
    [GeneratedRegex(@"\$\{?IFS\}?|\{(?:cat|ls|wget|curl|nc|ping|sleep|echo|id|bash|sh|rm),[^}\s]{1,100}\}|/\?{2,}/|/[a-z]*\?[a-z?]*/[a-z]*[?*][a-z?*]*\s|\$\(\(?\s*\w+\s*[)<]|\$\{\w+:\d+:\d+\}|\\x[0-9a-f]{2}\\x[0-9a-f]{2}|\$'\\x|\$\{@\}|\b[wc]\$@\w", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Tricks();

    /// <summary>One word, as a value is, then the sign that ends it, then a command and its end or its argument.</summary>
    [GeneratedRegex(@"^\s*[\w@.:=/?%+-]{0,60}['"")]*\s*(?:;|\|\|?|&&?|\n|`|\$\(|%0a|%0d)\s*(?:\\?\n\s*)?(?:sudo\s+)?" + Commands + @"(?:\s+[-/\w.$'""{<*:%~\\]|\s*(?:[;|&)`#>]|$)|%20|\+)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ValueThenCommand();

    [GeneratedRegex(@"(?:;|\|\|?|&&?|\n|`|\$\(|\(|<\()\s*(?:sudo\s+)?" + Commands + @"(?:\s+[-/\w.$'""{<*:%~\\]|\s*(?:[;|&)`#>]|$))", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Chained();
}
