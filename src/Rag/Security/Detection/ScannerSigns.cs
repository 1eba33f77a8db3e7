using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>Programs that look for weak spots, by what they call themselves and by what they ask for where this product has nothing.</summary>
internal static partial class ScannerSigns
{
    /// <summary>Of a request that found nothing and looks for nothing in particular: twenty of them in a short time are an alarm.</summary>
    public const double MissWeight = 0.25;

    public static int WeighAgent(string userAgent) => userAgent.Length > 0 && Program().In(userAgent) ? Sign.Alarm : 0;

    public static int WeighMethod(string method) => method is "TRACE" or "TRACK" or "DEBUG" or "CONNECT" or "PROPFIND" or "MKCOL" or "SEARCH" ? Sign.Alarm : 0;

    /// <param name="path">Decoded, of a request that no route of the product takes.</param>
    public static int WeighPath(string path) => Probe().In(path) ? Sign.Alarm : 0;

    [GeneratedRegex(@"\b(?:sqlmap|nikto|nmap|masscan|zgrab|zmap|nuclei|gobuster|dirbuster|dirb|dirsearch|wfuzz|ffuf|feroxbuster|rustbuster|wpscan|joomscan|droopescan|acunetix|nessus|openvas|qualys|arachni|w3af|burp(?:suite|collaborator)?|zaproxy|owasp[ -]?zap|havij|hydra|medusa|jaeles|whatweb|netsparker|invicti|appscan|webinspect|skipfish|commix|xsstrike|dalfox|fimap|jndiexploit|log4j-?scan|metasploit|vega|grabber|golismero|paros|webscarab|brutus|patator|tplmap|nosqlmap|ssrfmap|katana|httpx|subfinder|naabu|censysinspect|projectdiscovery|detectify|probely|intruder\.io|l9explore|l9tcpid|expanse)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Program();

    /// <summary>Secrets left in a web folder, consoles of other products, files of languages that this one is not written in.</summary>
    [GeneratedRegex(
        @"/\.(?:env|git|svn|hg|aws|ssh|docker|kube|npmrc|htpasswd|htaccess|ds_store|vscode|idea|bash_history|config|dockercfg)\b|/(?:wp-(?:login|admin|content|includes|config|json)|wordpress|xmlrpc|phpmyadmin|pma|myadmin|adminer|phpinfo|cgi-bin|server-status|server-info|actuator|jolokia|jenkins|manager/html|host-manager|solr|struts|axis2|invoker|jmx-console|web-console|weblogic|wls-wsat|console/login|boaform|hnap1|gponform|setup\.cgi|owa/|ecp/|autodiscover|_ignition|telescope|vendor/phpunit|_profiler|elmah|trace\.axd|web\.config|appsettings(?:\.\w+)?\.json|docker-compose|dockerfile|id_rsa|_cat/|_search|_all_dbs|v2/_catalog|api/v1/(?:pods|namespaces|secrets)|swagger|graphql|druid|nacos|geoserver|zabbix|hudson|remote/(?:login|fgt_lang)|dana-na|vpns?/|global-protect|cfide|sitecore|typo3|joomla|drupal|magento|administrator/|phpunit|backup|database|dump|db|www|site|web)(?:[/.?]|$)|\.(?:php\d?|phtml|aspx?|ashx|asmx|jspx?|jsf|do|action|cfm|cgi|pl|bak|old|orig|swp|save|sql|sqlite3?|mdb|tar|tgz|gz|7z|rar|war|pem|key|pfx|ini|conf|log)(?:[/;?~]|$)|~$",
        Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Probe();
}
