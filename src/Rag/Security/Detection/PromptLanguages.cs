using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// The order to leave or to give away the instructions, in languages other than English: a verb in the imperative, whose, and
/// what. Words may stand between them; the three must be near each other and in this order, or in that of the language.
/// </summary>
internal static partial class PromptLanguages
{
    public static int Weigh(string text)
    {
        foreach (var language in (Regex[])[German(), French(), Spanish(), Italian(), Portuguese(), Dutch(), Polish(), Russian(), Turkish(), Chinese(), Japanese(), Korean(), Arabic(), Hindi(), Swedish()])
            if (language.In(text)) return Sign.Alarm;
        return 0;
    }

    private const string Near = @"\W+(?:\w+\W+){0,4}?";

    // To leave: a verb, then whose and what in either order. To give away: a verb, then what, and that it is the system's.

    [GeneratedRegex(@"\b(?:ignorier(?:e|en\s+sie|t)?|missachte|vergiss|vergessen\s+sie|übergehe|umgehe|verwirf|befolge\s+nicht)" + Near + @"(?:alle[ns]?|vorherigen?|bisherigen?|vorigen?|obigen?|früheren?|deine[nr]?|ihre[nr]?|sämtliche[n]?)" + Near + @"(?:anweisung(?:en)?|regeln?|instruktionen?|vorgaben?|richtlinien?|befehle?|prompts?|systemanweisung(?:en)?|einschränkungen)\b|\b(?:zeige?|verrate?|nenne?|gib|wiederhole)" + Near + @"(?:deine[nr]?|geheimen?|versteckten?|internen?|den|dein)?\W*(?:systemprompts?|systemanweisung(?:en)?|(?:geheimen?|versteckten?|internen?|deine[nr]?)" + Near + @"(?:anweisungen|instruktionen|regeln|vorgaben))\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex German();

    [GeneratedRegex(@"\b(?:ignore[zr]?|oublie[zr]?|néglige[zr]?|contourne[zr]?|ne\s+(?:suis|suivez)\s+(?:pas|plus)|fai(?:s|tes)\s+abstraction)\b" + Near + @"(?:instructions?|consignes?|règles?|directives?|prompts?)" + Near + @"(?:précédentes?|antérieures?|ci-dessus|système|initiales?|secrètes?|données?|reçues?)\b|\b(?:ignore[zr]?|oublie[zr]?|néglige[zr]?|contourne[zr]?)\b" + Near + @"(?:tes|vos|toutes|ces)" + Near + @"(?:instructions?|consignes?|règles?|directives?|prompts?)\b|\b(?:affiche[zr]?|révèle[zr]?|révélez|montre[zr]?|donne[zr]?|répète[zr]?)\b" + Near + @"(?:(?:instructions?|consignes?|prompts?|invites?)" + Near + @"(?:système|secrètes?|cachée?s?|initiales?)|(?:tes|vos)" + Near + @"(?:instructions|consignes|prompts?))\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex French();

    [GeneratedRegex(@"\b(?:ignora|ignore|olvida|olvide|omite|descarta|desobedece|no\s+sigas)\b" + Near + @"(?:(?:instrucciones|reglas|indicaciones|directrices|prompts?|órdenes)" + Near + @"(?:anteriores|previas|iniciales|recibidas|dadas|sistema)|(?:tus|sus|todas|estas)" + Near + @"(?:instrucciones|reglas|indicaciones|directrices|órdenes))\b|\b(?:muestra|revela|muéstrame|dime|repite|imprime)\b" + Near + @"(?:(?:prompts?|instrucciones|mensaje)" + Near + @"(?:sistema|ocultas|iniciales?|secretas|internas)|tus" + Near + @"instrucciones)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Spanish();

    [GeneratedRegex(@"\b(?:ignora|ignorate|dimentica|dimenticate|trascura|scarta|non\s+seguire)\b" + Near + @"(?:(?:istruzioni|regole|direttive|prompt|indicazioni)" + Near + @"(?:precedenti|iniziali|ricevute|sistema)|(?:tue|tutte)" + Near + @"(?:istruzioni|regole|direttive|indicazioni))\b|\b(?:mostra(?:mi)?|rivela(?:mi)?|stampa|ripeti)\b" + Near + @"(?:prompt|istruzioni)" + Near + @"(?:sistema|iniziali|segrete|nascoste|interne)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Italian();

    [GeneratedRegex(@"\b(?:ignore|ignora|esqueça|esquece|desconsidere|desconsidera|descarte|não\s+siga)\b" + Near + @"(?:(?:instruções|regras|diretrizes|prompts?|orientações|comandos)" + Near + @"(?:anteriores|prévias|iniciais|recebidas|sistema)|(?:suas|tuas|todas)" + Near + @"(?:instruções|regras|diretrizes|orientações))\b|\b(?:mostre|revele|exiba|repita)\b" + Near + @"(?:prompts?|instruções)" + Near + @"(?:sistema|iniciais|secretas|ocultas|internas)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Portuguese();

    [GeneratedRegex(@"\b(?:negeer|vergeet|omzeil)\b" + Near + @"(?:alle|eerdere|vorige|bovenstaande|voorgaande|je|jouw|uw)" + Near + @"(?:instructies|regels|richtlijnen|prompts?|opdrachten|aanwijzingen)\b|\b(?:toon|onthul|herhaal)\b" + Near + @"(?:systeemprompt|(?:geheime|verborgen|jouw|je)" + Near + @"instructies)\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Dutch();

    [GeneratedRegex(@"\b(?:zignoruj|ignoruj|zapomnij|pomiń)(?:cie)?\b" + Near + @"(?:wszystki\w+|poprzedni\w+|wcześniejsz\w+|powyższ\w+|swoj\w+)" + Near + @"(?:instrukcj\w+|polece\w+|zasad\w*|wytyczn\w+|prompt\w*|reguł\w*)\b|\b(?:pokaż|ujawnij|powtórz|wyświetl)\b" + Near + @"prompt\w*" + Near + @"systemow\w+", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Polish();

    [GeneratedRegex(@"(?:игнорируй(?:те)?|забудь(?:те)?|отбрось(?:те)?|не\s+следуй(?:те)?)" + Near + @"(?:вс[её]х?|предыдущ\w+|прежн\w+|сво\w+|ранее|вышеуказанн\w+)" + Near + @"(?:инструкци\w+|правил\w*|указани\w+|команд\w*|промпт\w*|ограничени\w+)|(?:покажи(?:те)?|раскрой(?:те)?|выведи(?:те)?|повтори(?:те)?)" + Near + @"системн\w+" + Near + @"(?:промпт\w*|инструкци\w+|сообщени\w+)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Russian();

    [GeneratedRegex(@"(?:önceki|yukarıdaki|tüm|bütün|gizli|sistem)\W+(?:\w+\W+){0,3}?(?:talimat\w*|kural\w*|yönerge\w*|komut\w*|istem\w*|prompt\w*)\W+(?:\w+\W+){0,3}?(?:yok\s+say|unut|görmezden\s+gel|göz\s+ardı\s+et|göster|açıkla|yazdır)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Turkish();

    [GeneratedRegex(@"(?:忽略|无视|無視|忘记|忘記|忘掉|不要遵守|不要理会|绕过|覆盖|跳过)[^。！？\n]{0,16}(?:指令|指示|说明|規則|规则|提示|命令|限制|要求|设定|設定)|(?:显示|顯示|透露|泄露|输出|輸出|打印|告诉我|告訴我|重复)[^。！？\n]{0,10}(?:系统|系統|隐藏|初始|内部)[^。！？\n]{0,4}(?:提示|指令|消息)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Chinese();

    [GeneratedRegex(@"(?:以前|これまで|今まで|上記|前述|すべて|全て|あなた|システム|元)[^。！？\n]{0,12}(?:指示|命令|ルール|プロンプト|規則|制約)[^。！？\n]{0,6}(?:無視|忘れ|破棄|従わない|表示|見せ|教え|出力)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Japanese();

    [GeneratedRegex(@"(?:이전|위의|앞의|지금까지|모든|시스템|당신의)[^.!?\n]{0,12}(?:지시|명령|규칙|프롬프트|지침|지시사항)[^.!?\n]{0,8}(?:무시|잊|따르지|보여|출력|알려|공개)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Korean();

    [GeneratedRegex(@"(?:تجاهل|انس[َى]?|اهمل|أهمل|لا\s+تتبع|اعرض|أظهر|اكشف|كرر)[^.!؟\n]{0,30}(?:التعليمات|القواعد|الأوامر|الإرشادات|توجيهات|المطالبة|تعليمات)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Arabic();

    [GeneratedRegex(@"(?:पिछले|पिछली|पूर्व|सभी|सिस्टम|ऊपर)[^।!?\n]{0,24}(?:निर्देश\w*|नियम\w*|आदेश\w*|प्रॉम्प्ट|अनुदेश\w*)[^।!?\n]{0,12}(?:अनदेखा|भूल|नज़रअंदाज़|दिखाओ|दिखाएं|बताओ)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Hindi();

    [GeneratedRegex(@"\b(?:ignorera|glöm|bortse\s+från|strunta\s+i)\b" + Near + @"(?:alla|tidigare|dina|föregående)" + Near + @"(?:instruktioner(?:na)?|regler(?:na)?|riktlinjer(?:na)?|anvisningar(?:na)?)\b|\b(?:visa|avslöja|upprepa)\b" + Near + @"systemprompt(?:en)?\b", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Swedish();
}
