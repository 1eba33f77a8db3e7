using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// A way out of a folder, or straight to a file that tells an intruder something. A sentence may name such a file; an address
/// may not, and a text that is nothing but a path is meant as one.
/// </summary>
internal static partial class PathTraversal
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.AsSpan().ContainsAny("/\\\0:")) return 0;
        int weight = 0;
        bool alone = reading == Reading.Request || (reading == Reading.Bare && !text.Trim().Contains(' '));
        bool climbs = Climb().In(text), sensitive = SensitiveFile().In(text);
        bool toFile = ClimbToFile().In(text);
        if (toFile && (alone || climbs)) weight += 5;
        else if (toFile) weight += 2;
        else if (climbs) weight += reading == Reading.Request ? 5 : alone ? 4 : 1;
        else if (reading == Reading.Request && Step().In(text)) weight += 4;
        if (sensitive) weight += alone ? 5 : 1;
        if (Wrapper().In(text)) weight += reading == Reading.Prose ? 2 : 5;
        if (CutOff().In(text)) weight += 5;
        return weight;
    }

    /// <summary>Two steps up, in any of the forms that lenient readers take for one.</summary>
    [GeneratedRegex(@"(?:\.{2,4}[;\s]?(?:[/\\]|\.[/\\])+){2}|(?:[/\\]|^)\.{2}[;/\\]+\.{2}[/\\]", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Climb();

    [GeneratedRegex(@"(?:^|[/\\=])\.{2,4};?[/\\]+", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Step();

    [GeneratedRegex(@"\.{2,4};?[/\\]+[./\\\w;-]{0,200}?(?:etc[/\\]+\w|windows[/\\]|winnt[/\\]|boot\.ini|win\.ini|system32|proc[/\\]+(?:self|\d|version|cpuinfo)|passwd\b|shadow\b|web-inf|web\.config|\.env\b|\.git[/\\]|\.ssh[/\\]|id_rsa|appsettings\w*\.json|wp-config|config\.(?:php|json|ya?ml)|var[/\\]+(?:log|www)|usr[/\\]+|root[/\\]|home[/\\]|secrets?\b|rag\.db)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ClimbToFile();

    [GeneratedRegex(@"/etc/+(?:passwd|shadow|group|gshadow|hosts|issue|crontab|sudoers|fstab|ssh/|nginx/|apache2?/|mysql/|redis/|ssl/)|/proc/+(?:self|version|cmdline|environ|\d+)(?:/|\b)|/var/log/+(?:auth|apache2?|nginx|syslog|messages|secure|mail)|\b[a-z]:[/\\]+(?:windows|winnt|boot\.ini|inetpub|users[/\\]+\w+)|\bweb-inf[/\\]|[/\\]\.(?:ssh|aws|git|svn|env|htpasswd|htaccess|bash_history)\b|/root/\.|/boot/grub|\\\\[\w.-]+\\(?:c|admin|ipc)\$", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SensitiveFile();

    /// <summary>Addresses of files that PHP, Java or curl open where a name was expected.</summary>
    [GeneratedRegex(@"\b(?:php|zip|phar|expect|zlib|compress\.zlib|glob|ogg|rar|ssh2)://|\bfile:/{1,3}(?:\w|\.)|\bdata://text/plain|\b(?:netdoc|jar):\w", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Wrapper();

    /// <summary>A zero byte before a file's ending.</summary>
    [GeneratedRegex(@"\0[./\w]*|%00(?:\.|$)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex CutOff();
}
