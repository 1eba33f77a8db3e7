using System.Globalization;
using System.Text.Json.Nodes;
using Rag.Foundation;
using Rag.Security.Advisories;

namespace Rag.Security;

/// <summary>What is shipped, as CycloneDX 1.6 (ECMA-424) in JSON: packages with the digests that NuGet checked, frameworks, the embedding model.</summary>
internal sealed class Sbom(Inventory inventory, TimeProvider time)
{
    public const string MediaType = "application/vnd.cyclonedx+json; version=1.6";

    public JsonObject Write()
    {
        var parts = inventory.Parts();
        var refs = parts.ToDictionary(p => p.Name, p => p.Purl, StringComparer.OrdinalIgnoreCase);
        string product = $"pkg:generic/{inventory.Product}@{inventory.Version}";
        // What nothing else needs is needed by the product itself, beside what it names.
        var needed = parts.SelectMany(p => p.DependsOn).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return new()
        {
            ["$schema"] = "http://cyclonedx.org/schema/bom-1.6.schema.json",
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["serialNumber"] = $"urn:uuid:{Ids.New(time)}",
            ["version"] = 1,
            ["metadata"] = new JsonObject
            {
                ["timestamp"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                ["tools"] = new JsonObject { ["components"] = new JsonArray(new JsonObject { ["type"] = "application", ["name"] = inventory.Product, ["version"] = inventory.Version }) },
                ["component"] = new JsonObject { ["type"] = "application", ["bom-ref"] = product, ["name"] = inventory.Product, ["version"] = inventory.Version, ["purl"] = product },
            },
            ["components"] = new JsonArray([.. parts.Select(Component)]),
            ["dependencies"] = new JsonArray([
                Dependency(product, parts.Where(p => !needed.Contains(p.Name)).Select(p => p.Purl)),
                .. parts.Select(p => Dependency(p.Purl, p.DependsOn.Where(refs.ContainsKey).Select(d => refs[d]))),
            ]),
        };
    }

    private static JsonObject Component(InventoryPart part)
    {
        var component = new JsonObject { ["type"] = part.Kind, ["bom-ref"] = part.Purl, ["name"] = part.Name, ["version"] = part.Version, ["purl"] = part.Purl };
        if (part.Hash is var (algorithm, hex)) component["hashes"] = new JsonArray(new JsonObject { ["alg"] = algorithm, ["content"] = hex });
        if (part.License is { } license) component["licenses"] = new JsonArray(new JsonObject { ["license"] = new JsonObject { ["id"] = license } });
        return component;
    }

    private static JsonObject Dependency(string reference, IEnumerable<string> on) =>
        new() { ["ref"] = reference, ["dependsOn"] = new JsonArray([.. on.Distinct().Order(StringComparer.Ordinal).Select(o => JsonValue.Create(o))]) };
}
