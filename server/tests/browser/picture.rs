//! The picture in the README: what the page really shows after all four faults.

use std::collections::HashMap;
use std::path::PathBuf;
use std::{env, fs};

use crate::browser::{Browser, Picture};
use crate::running::{Server, shipped_rules};

const FAULTS: [&str; 4] = [
    "memory_leak",
    "cpu_overload",
    "connection_issues",
    "request_failures",
];

/// Written where `CHIMERA_PICTURE` says (`docs/picture.sh` sets it), else only looked at.
#[test]
#[ignore = "needs chromium; see main.rs"]
fn the_picture_of_the_readme_shows_four_faults_healed() {
    let to = env::var_os("CHIMERA_PICTURE").map(PathBuf::from);
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.resize(1280, 1180);
    browser.until_text("#link", "live");
    server.wait_ticks(12);
    server.post("/demo/memory-leak?size_mb=60&count=8");
    server.wait_ticks(8);
    server.post("/demo/cpu-overload?duration=15&num_threads=4");
    server.wait_ticks(8);
    server.post("/demo/connection-issues?connection_count=90");
    server.wait_ticks(8);
    for _ in 0..60 {
        server.post("/demo/request-failures?failure_rate=0.9");
    }
    for fault in FAULTS {
        server.until(&format!("{fault} is healed"), |server| {
            server
                .actions()
                .into_iter()
                .find(|action| action["error_type"] == fault && action["verdict"] == "verified")
        });
    }
    browser.until("the page shows it", |browser| {
        let table = browser.text("#actions tbody");
        FAULTS
            .iter()
            .all(|fault| table.contains(&fault.replace('_', " ")))
            .then_some(())
    });
    // As high as the page is down to the table of actions.
    let bottom = browser.run("return Math.ceil(document.querySelector('#actions').closest('section').getBoundingClientRect().bottom + scrollY + 16)");
    let bottom = u32::try_from(bottom.as_u64().unwrap()).unwrap();
    browser.resize(1280, bottom);
    server.wait_ticks(2);
    let picture = browser.picture();
    assert_eq!((picture.width, picture.height), (1280, bottom));
    assert!(picture.count(&browser.color("--plot-1")) > 1000);
    if let Some(to) = to {
        fs::write(to, small_png(&picture)).unwrap();
    }
}

/// A PNG file with the 256 colours that most pixels have; the others, of the edges of
/// letters, are the nearest of these. A third of the size, and nobody sees it.
fn small_png(picture: &Picture) -> Vec<u8> {
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in &picture.pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut palette: Vec<[u8; 3]> = counts.keys().copied().collect();
    palette.sort_by_key(|color| (std::cmp::Reverse(counts[color]), *color));
    palette.truncate(256);
    let nearest = |color: &[u8; 3]| {
        let distance = |other: &[u8; 3]| -> u32 {
            let apart = |channel: usize| u32::from(color[channel].abs_diff(other[channel]));
            (0..3).map(|channel| apart(channel).pow(2)).sum()
        };
        let index = (0..palette.len()).min_by_key(|index| distance(&palette[*index]));
        u8::try_from(index.unwrap()).unwrap()
    };
    let indices: HashMap<[u8; 3], u8> = counts
        .keys()
        .map(|color| (*color, nearest(color)))
        .collect();
    let pixels: Vec<u8> = picture.pixels.iter().map(|pixel| indices[pixel]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.as_flattened().to_vec());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    file
}
