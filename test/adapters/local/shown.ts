/** What the programs that show GPUs print, as recorded and shortened. */

export const cutList = `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-838f60d9-651f-9166-ea42-f9da674a6947)
  MIG 1g.5gb      Device  0: (UUID: MIG-ffda444c-c706-57c6-98c9-67c441a0b109)
  MIG 1g.5gb      Device  1: (UUID: MIG-fe9bc608-60f5-5479-8cc4-1827021d27a9)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-c92e2d5d-4a69-f1cd-4df0-305f8606705a)
`;

/** `amd-smi list --json`: amd-smi counts by the bus, the runtime by the nodes. */
export const amdList = `[
    {
        "gpu": 0,
        "bdf": "0000:05:00.0",
        "uuid": "6fff74a1-0000-1000-801f-0a2b3c4d5e6f",
        "kfd_id": 26928,
        "node_id": 3,
        "partition_id": 0
    },
    {
        "gpu": 1,
        "bdf": "0000:26:00.0",
        "uuid": "00ff74a1-0000-1000-80a1-b2c3d4e5f607",
        "kfd_id": 47045,
        "node_id": 2,
        "partition_id": 0
    }
]`;

const asic = `"market_name": "AMD Instinct MI300X",
                "vendor_id": "0x1002",
                "vendor_name": "Advanced Micro Devices Inc. [AMD/ATI]",
                "subvendor_id": "0x1002",
                "device_id": "0x74a1",
                "rev_id": "0x00"`;
const vram = `"type": "HBM3", "vendor": "N/A", "size": { "value": 196592, "unit": "MB" }, "bit_width": 8192`;

/** `amd-smi static --asic --vram --json` of ROCm 7. */
export const amdStatic = `{
    "gpu_data": [
        {
            "gpu": 0,
            "asic": {
                ${asic},
                "asic_serial": "0x6F1F0A2B3C4D5E6F",
                "oam_id": 0
            },
            "vram": { ${vram} }
        },
        {
            "gpu": 1,
            "asic": {
                ${asic},
                "asic_serial": "0xA1B2C3D4E5F607",
                "oam_id": 1
            },
            "vram": { ${vram} }
        }
    ]
}`;

/** `rocm-smi --showproductname --showuniqueid --showmeminfo vram --json` */
export const rocmSmi =
  '{"card0": {"Unique ID": "0x7d1aa4c0e3a25f11", "VRAM Total Memory (B)": "68702699520", "VRAM Total Used Memory (B)": "11010048", "Card Series": "AMD Instinct MI210", "Card Model": "0x740f", "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]", "Card SKU": "D67301", "Node ID": "2", "GUID": "26928", "GFX Version": "gfx90a"}, "card1": {"Unique ID": "0x2c9bb0f5c8e3d1a7", "VRAM Total Memory (B)": "68702699520", "VRAM Total Used Memory (B)": "11010048", "Card Series": "AMD Instinct MI210", "Card Model": "0x740f", "Node ID": "3", "GFX Version": "gfx90a"}, "system": {"Driver version": "6.2.4"}}';
