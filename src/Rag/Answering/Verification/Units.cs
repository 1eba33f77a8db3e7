using System.Collections.Frozen;

namespace Rag.Answering.Verification;

/// <summary>Names of units, brought to one each. Nothing is converted: 1 km is not taken for 1,000 m.</summary>
internal static class Units
{
    private static readonly FrozenDictionary<string, string> Names = Table(
        "% percent percentage prozent pourcent", "‰ permille promille", "km kilometre kilometer kilometres kilometers kilomètre kilomètres kilómetro kilómetros kms",
        "m metre meter metres meters mètre mètres metro metros", "cm centimetre centimeter centimetres centimeters zentimeter", "mm millimetre millimeter millimetres millimeters",
        "mi mile miles meile meilen milla millas", "ft foot feet", "yd yard yards", "inch inches zoll", "nmi",
        "kg kilogram kilograms kilogramm kilo kilos kilogramme kilogrammes kilogramo kilogramos", "g gram grams gramm gramme grammes gramo gramos", "mg milligram milligrams", "lb lbs pound pounds", "oz ounce ounces", "t ton tons tonne tonnes tonnen tonelada toneladas",
        "s sec secs second seconds sekunde sekunden seconde secondes segundo segundos", "ms msec millisecond milliseconds millisekunden", "µs μs us microsecond microseconds", "ns nanosecond nanoseconds",
        "min mins minute minutes minuten minuto minutos", "h hr hrs hour hours stunde stunden heure heures hora horas", "d day days tag tage tagen jour jours día días dia dias", "week weeks woche wochen semaine semaines semana semanas",
        "month months monat monate monaten mois mes meses", "year years yr yrs jahr jahre jahren an ans année années año años", "decade decades jahrzehnt jahrzehnte décennie décennies década décadas", "century centuries jahrhundert jahrhunderte siècle siècles siglo siglos",
        "°c celsius", "°f fahrenheit", "kelvin", "l litre liter litres liters litro litros", "ml millilitre milliliter millilitres milliliters", "gal gallon gallons", "acre acres", "ha hectare hectares hektar",
        "km2 km² sqkm", "m2 m² sqm", "mi2 mi² sqmi", "ft2 ft² sqft", "mph", "km/h kmh kph", "knot knots", "kw kilowatt kilowatts", "mw megawatt megawatts", "gw gigawatt gigawatts", "w watt watts", "hp horsepower",
        "v volt volts", "ampere amperes amp amps", "hz hertz", "khz kilohertz", "mhz megahertz", "ghz gigahertz", "bit bits", "byte bytes", "kb kilobyte kilobytes", "mb megabyte megabytes", "gb gigabyte gigabytes", "tb terabyte terabytes",
        "kib kibibyte kibibytes", "mib mebibyte mebibytes", "gib gibibyte gibibytes", "tib tebibyte tebibytes", "kbit kbps kbit/s", "mbit mbps mbit/s", "gbit gbps gbit/s", "pa pascal pascals", "kpa", "mpa", "psi", "bar bars", "j joule joules", "kj", "kcal calorie calories",
        "usd $ us$ dollar dollars dólar dólares", "eur € euro euros", "gbp £", "jpy ¥ yen", "inr ₹ rupee rupees", "cent cents");

    /// <summary>Short forms that are also words or letters: units only right behind digits.</summary>
    private static readonly FrozenSet<string> OnlyBehindDigits = FrozenSet.Create(StringComparer.Ordinal,
        "m", "g", "t", "s", "h", "d", "l", "v", "w", "j", "min", "us", "an", "ha", "mes", "metro", "bar", "bars", "second");

    /// <summary>The one name of a unit; null where the word is none.</summary>
    /// <param name="digits">The number before it is written in digits.</param>
    public static string? Find(string key, bool digits) =>
        !digits && OnlyBehindDigits.Contains(key) ? null : Names.GetValueOrDefault(key);

    private static FrozenDictionary<string, string> Table(params string[] lines)
    {
        var table = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in lines)
        {
            string[] names = line.Split(' ');
            foreach (string name in names)
            {
                table[name] = names[0];
                table[TokenReader.Fold(name)] = names[0];
            }
        }
        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
